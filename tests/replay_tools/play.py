"""Plays a recording against a sidecar, whichever way it is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.replay_tools.recording import Bindings, Recording, join_texts, latest_progress
from tests.replay_tools.wire import Wire


async def play(recording: Recording, wire: Wire, folder: Path) -> None:
    """Sends each `>` line, and holds what comes until the next one against the `<` lines. Raises AssertionError.

    The data folder is `data_folder(folder)`.
    """
    bindings = Bindings(folder)
    lines = list(recording.lines)
    while lines:
        sent = 0
        while lines and lines[0].direction == ">":
            wire.send(bindings.fill(lines.pop(0).message))
            sent += 1
        expected = []
        while lines and lines[0].direction == "<":
            expected.append(lines.pop(0).message)
        _compare(bindings, _settled(expected), _settled(await _answers(wire, expected)))


async def _answers(wire: Wire, expected: list[Any]) -> list[Any]:
    """As many answers as are expected, with all that comes before the last of them."""
    missing = sum(not _is_notification(message) for message in expected)
    came = []
    while missing:
        message = await wire.next_message()
        came.append(message)
        missing -= not _is_notification(message)
    return came


def _settled(messages: list[Any]) -> list[Any]:
    return latest_progress(join_texts(messages))


def _is_notification(message: Any) -> bool:
    return isinstance(message, dict) and "method" in message


def _compare(bindings: Bindings, expected: list[Any], came: list[Any]) -> None:
    for number, (pattern, message) in enumerate(zip(expected, came, strict=False)):
        problem = bindings.mismatch(pattern, message)
        assert problem is None, f"answer {number + 1}: {problem}"
    assert len(came) == len(expected), f"expected {len(expected)} messages, got {len(came)}: {came}"
