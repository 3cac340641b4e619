"""compare:* — answers beside each other: blind votes, the board, and what differs."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Any

from sidecar.comparing import ballots, ratings
from sidecar.comparing import differences as comparing
from sidecar.comparing.ballots import Ballot
from sidecar.contract.types import compare as types
from sidecar.errors import Failure
from sidecar.methods import compare_wire
from sidecar.methods.services import Request
from sidecar.store import messages, projects
from sidecar.store import votes as ballot_table
from sidecar.store.records import Message
from sidecar.store.stoppable import in_thread
from sidecar.store.votes import Vote

PAGE = 100


async def ballot(call: Request, params: types.CompareBallotParams) -> dict[str, Any]:
    if (params.turn_id is None) == (params.job_id is None) or (params.job_id is None) != (
        params.row_id is None
    ):
        raise Failure("invalid_params", "Name the turn to vote on, or the batch and the row: one of the two.")
    app = call.services
    vote_id, now, shuffle = app.new_id(), app.now_ms(), secrets.SystemRandom().shuffle

    def write(conn: sqlite3.Connection) -> Ballot:
        if params.turn_id is not None:
            return ballots.of_turn(conn, params.turn_id, vote_id, now, shuffle)
        return ballots.of_row(conn, str(params.job_id), str(params.row_id), vote_id, now, shuffle)

    return compare_wire.ballot(await app.store.write(write))


async def vote(call: Request, params: types.CompareVoteParams) -> dict[str, Any]:
    now = call.services.now_ms()

    def write(conn: sqlite3.Connection) -> Vote:
        shown = ballot_table.get(conn, params.ballot_id)
        if shown is None:
            raise Failure("not_found", "There is no such ballot. Open one, then vote.")
        ballots.check_winner(shown, params.winner)
        decided = ballot_table.decide(conn, shown.id, params.winner, params.note, now)
        if decided is None:
            raise Failure(
                "conflict",
                "This was voted on, and the names are known since. Open another ballot to vote again.",
            )
        return decided

    return compare_wire.vote(await call.services.store.write(write))


async def votes(call: Request, params: types.CompareVotesParams) -> list[dict[str, Any]]:
    found = await call.services.store.read(
        _votes, params.project_id, params.limit or PAGE, params.offset or 0
    )
    return [compare_wire.vote(each) for each in found]


async def board(call: Request, params: types.CompareBoardParams) -> dict[str, Any]:
    found = await call.services.store.read(_votes, params.project_id, -1, 0)
    standings = await in_thread(lambda pulse: ratings.board(ballots.choices(found)))
    return {"votes": len(found), "models": [compare_wire.standing(each) for each in standings]}


async def differences(call: Request, params: types.CompareDifferencesParams) -> dict[str, Any]:
    answers = await call.services.store.read(_answers, params.turn_id)
    found = await in_thread(lambda pulse: comparing.differences([each.content for each in answers]))
    return compare_wire.differences(params.turn_id, answers, found)


def _votes(conn: sqlite3.Connection, project_id: str, limit: int, offset: int) -> list[Vote]:
    if projects.get(conn, project_id) is None:
        raise Failure("not_found", "There is no such project; it may have been deleted. Choose another one.")
    return ballot_table.decided(conn, project_id, limit, offset)


def _answers(conn: sqlite3.Connection, turn_id: str) -> list[Message]:
    if messages.get(conn, turn_id) is None:
        raise Failure(
            "not_found", "There is no such question; it may have been deleted. Load the list again."
        )
    return messages.answers_of_turn(conn, turn_id)
