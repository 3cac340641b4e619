"""A recording as it is read again: sessions, what was sent and answered in them, and what the network said (pure).

Recordings written by hand, with placeholders and no network, are read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sidecar.errors import Failure
from sidecar.recorder.lines import FORMAT, data_of


@dataclass(frozen=True, slots=True)
class Step:
    """A message that crossed the pipe, at its line; `eof` is the end of the input. `cut` ones have no content."""

    line: int
    kind: Literal[">", "<", "eof"]
    message: Any = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class RecordedChunk:
    line: int
    at: int
    data: bytes


@dataclass(slots=True)
class Exchange:
    """One request to the network and its answer. `end` is None where the recording ends before the answer."""

    line: int
    at: int
    method: str
    url: str
    body: bytes
    cut: bool = False
    status: int | None = None
    status_line: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[RecordedChunk] = field(default_factory=list)
    end: Any = None


@dataclass(slots=True)
class Session:
    """One run of a sidecar. `recorded` is false for what was written by hand."""

    about: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    saved_keys: list[str] = field(default_factory=list)
    whole: bool = False
    unreadable: int = 0
    lost: int = 0

    @property
    def recorded(self) -> bool:
        return "recorded" in self.about

    @property
    def environment(self) -> Mapping[str, str]:
        environment = self.about.get("environment")
        found = environment if isinstance(environment, dict) else {}
        return {name: value for name, value in found.items() if isinstance(value, str)}


def read_sessions(name: str, text: str) -> list[Session]:
    """The sessions of a file, the older first. Raises Failure("invalid_params") naming the line that is wrong."""
    sessions: list[Session] = []
    numbers: dict[int, Exchange] = {}
    for line, entry in _entries(name, text):
        meta = entry.get("meta")
        if isinstance(meta, dict) and ("recorded" in meta or "day" in meta):
            if meta.get("recorded", FORMAT) != FORMAT:
                raise _wrong(name, line, "it was written by another version; replay it with that one")
            sessions.append(Session(about=meta))
            numbers = {}
            continue
        if not sessions:
            raise _wrong(name, line, "the recording does not begin with its day")
        if isinstance(meta, dict):
            try:
                _note(sessions[-1], numbers, line, meta)
            except (LookupError, TypeError, ValueError, AttributeError):
                raise _wrong(name, line, "it lacks what such a line says") from None
        elif ">" in entry:
            sessions[-1].steps.append(Step(line, ">", entry[">"], "cut" in entry))
        elif "<" in entry:
            sessions[-1].steps.append(Step(line, "<", entry["<"], "cut" in entry))
        else:
            raise _wrong(name, line, "it is neither meta, > nor <")
    if not sessions:
        raise Failure("invalid_params", f"{name} is no recording: it is empty. Choose another file.")
    return sessions


def _entries(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: it also cuts at characters that JSON leaves within texts.
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                return  # The last line, without its end: the recorder was killed while it wrote.
            raise _wrong(name, number, "it is not JSON") from None
        if not isinstance(entry, dict):
            raise _wrong(name, number, "it is not an object")
        yield number, entry


def _note(session: Session, numbers: dict[int, Exchange], line: int, meta: Mapping[str, Any]) -> None:
    if "net" in meta:
        members = meta["net"]
        numbers[members["n"]] = exchange = Exchange(
            line, members["at"], members["method"], members["url"], data_of(members), "cut" in members
        )
        session.exchanges.append(exchange)
    elif "net<" in meta:
        _answer(numbers.get(meta["net<"]["n"]), line, meta["net<"])
    elif "eof" in meta:
        session.steps.append(Step(line, "eof"))
    elif "key" in meta:
        session.saved_keys.append(meta["key"]["provider"])
    elif "unreadable" in meta:
        session.unreadable += 1
    elif "lost" in meta:
        session.lost += meta["lost"]
    elif "end" in meta:
        session.whole = True


def _answer(exchange: Exchange | None, line: int, members: Mapping[str, Any]) -> None:
    if exchange is None:
        return
    if "status" in members:
        exchange.status, exchange.status_line = members["status"], line
        exchange.headers = dict(members["headers"])
    elif "end" in members:
        exchange.end = members["end"]
        exchange.cut = exchange.cut or "cut" in members
    else:
        exchange.chunks.append(RecordedChunk(line, members["at"], data_of(members)))


def _wrong(name: str, line: int, why: str) -> Failure:
    return Failure("invalid_params", f"{name}, line {line}: {why}. Correct the line, or choose another file.")
