"""Votes, the board and differences as objects of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sidecar.comparing import ballots
from sidecar.comparing.ballots import Ballot
from sidecar.comparing.differences import Differences
from sidecar.comparing.ratings import Standing
from sidecar.methods import wire
from sidecar.store.records import Message
from sidecar.store.votes import Vote


def ballot(shown: Ballot) -> dict[str, Any]:
    """A CompareBallot: no name stands in it but those that the answers themselves give."""
    return {
        "ballotId": shown.vote.id,
        "question": shown.vote.question,
        "answers": [{"label": label, "text": text} for label, text in shown.texts],
    }


def vote(record: Vote) -> dict[str, Any]:
    """A CompareVote."""
    optional = {
        "turnId": record.turn_id,
        "jobId": record.job_id,
        "rowId": record.row_id,
        "note": record.note,
    }
    return {
        "id": record.id,
        "projectId": record.project_id,
        "question": record.question,
        "winner": record.winner,
        "votedAt": record.voted_at,
        "answers": [_voted(each) for each in record.answers],
    } | wire.present(optional)


def standing(record: Standing) -> dict[str, Any]:
    """A CompareStanding."""
    return {
        "model": record.model,
        "votes": record.votes,
        "wins": record.wins,
        "losses": record.losses,
        "ties": record.ties,
        "rating": record.rating,
        "ratingLow": record.low,
        "ratingHigh": record.high,
        **wire.present(
            {
                "costUSD": None if record.cost_usd is None else float(record.cost_usd),
                "usdPerWin": None if record.usd_per_win is None else float(record.usd_per_win),
            }
        ),
        **wire.bounds(record.uncertain, record.cost_usd or Decimal(0)),
    }


def differences(turn_id: str, answers: Sequence[Message], found: Differences) -> dict[str, Any]:
    """A CompareDifferencesResult."""
    names = [each.model or each.provider or "" for each in answers]
    return {
        "turnId": turn_id,
        "answers": [{"messageId": each.id, "model": name} for each, name in zip(answers, names, strict=True)],
        "statements": [
            {
                "sharedBy": each.shared_by,
                "texts": [{"model": names[place], "text": text} for place, text in each.texts.items()],
            }
            for each in found.statements
        ],
        "fields": [
            {
                "path": each.path,
                "equal": each.equal,
                "values": [{"model": names[place], "value": value} for place, value in each.values.items()],
            }
            for each in found.fields
        ],
        "cut": found.cut,
    } | wire.present({"agreement": found.agreement})


def _voted(answer: Mapping[str, Any]) -> dict[str, Any]:
    shown = ballots.shown(answer)
    optional = {
        "costUSD": None if shown.cost_usd is None else float(shown.cost_usd),
        "messageId": answer.get("messageId"),
        "rowId": answer.get("rowId"),
    }
    told = {"label": answer["label"], "model": answer["model"]} | wire.present(optional)
    return told | wire.between(shown.at_least_usd, shown.at_most_usd)
