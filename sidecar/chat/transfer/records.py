"""What a file lists one by one and belongs together, as conversations: messages, lines, rows, questions of a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidecar.chat.transfer import gemini_activity, grok, lechat, messages, sillytavern
from sidecar.chat.transfer.refusals import refused

# What is held until it is known to be whole: some programs write the last answer first.
_MOST_LETTERS = 256 * 1024 * 1024
_MOST_RECORDS = 500_000


def is_record(value: Any) -> bool:
    """Whether this is something that belongs to others of its file."""
    return gemini_activity.is_record(value) or _mark_of(value) is not None


def gathered(values: Iterable[Any]) -> Iterator[Any]:
    """Yield values as they come, and records together: Gemini's by their days, others by what they belong to.

    Raises Failure("invalid_params") for more of them than can be held.
    """
    held: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    letters = count = 0
    for value in gemini_activity.by_days(values):
        mark = _mark_of(value)
        if mark is None:
            yield value
            continue
        held.setdefault(mark, []).append(value)
        count += 1
        told = value.get(grok.MARK) or value
        letters += sum(len(each) for each in told.values() if isinstance(each, str))
        if letters > _MOST_LETTERS or count > _MOST_RECORDS:
            raise refused(
                "This file lists more messages than can be put in order at once. Where the program can export single "
                "conversations, take those."
            )
    for (name, key), records in held.items():
        if name == messages.MARK and not _is_talk(records):
            yield from records
        else:
            yield {name: records, "key": key}


def _mark_of(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return None
    if (chat := lechat.key_of(value)) is not None:
        return lechat.MARK, chat
    if (chat := grok.key_of(value)) is not None:
        return grok.MARK, chat
    if (chat := sillytavern.key_of(value)) is not None:
        return sillytavern.MARK, chat
    if not messages.is_conversation(value) and messages.pieces_of(value):
        return messages.MARK, messages.group_of(value)
    return None


def _is_talk(records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether somebody asked and somebody answered: what is no more than a list of prompts is none."""
    return {role for each in records for role, _ in messages.pieces_of(each)} >= {"user", "assistant"}
