"""A recording: what went in (`>`) and what came out (`<`), one JSON object a line, with placeholders. Pure.

The first line is `{"meta": {"title": ..., "day": ...}}`. Where a value differs from run to run a text stands:
`<uuid:NAME>` (the same wherever the name is the same), `<time>`, `<int>`, `<number>`, `<text>`, `<any>`; within a
text, `<folder>` is a folder of the person's, with `/` between names on every system; the data folder is `data` in it.
An object with the member `"...": true` may hold further members. bridge/src/replay.ts reads the same files.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_NAMED = re.compile(r"^<uuid:([^>]+)>$")
_ANY_MORE = "..."
_FOLDER = "<folder>"
_KINDS: dict[str, tuple[type, ...]] = {
    "<time>": (int,),
    "<int>": (int,),
    "<number>": (int, float),
    "<text>": (str,),
}


@dataclass(frozen=True, slots=True)
class Line:
    direction: str
    message: Any


@dataclass(frozen=True, slots=True)
class Recording:
    """`day` is the one that the sidecar took for today, which prices depend on."""

    title: str
    day: str
    lines: tuple[Line, ...]


@dataclass(slots=True)
class Bindings:
    """What the names of a recording, and its folder, stand for in this run."""

    folder: Path = Path()
    ids: dict[str, str] = field(default_factory=dict)

    def fill(self, pattern: Any) -> Any:
        """A message to send: names become the ids bound to them; the client makes up the others itself."""
        if isinstance(pattern, dict):
            return {name: self.fill(member) for name, member in pattern.items()}
        if isinstance(pattern, list):
            return [self.fill(item) for item in pattern]
        if not isinstance(pattern, str):
            return pattern
        named = _NAMED.match(pattern)
        if named:
            return self.ids.setdefault(named.group(1), str(uuid.uuid4()))
        return pattern.replace(_FOLDER, str(self.folder))

    def mismatch(self, pattern: Any, value: Any, path: str = "$") -> str | None:
        """Where the value is not what the pattern says, or None. Binds names that are not bound yet."""
        if isinstance(pattern, dict):
            return self._members(pattern, value, path)
        if isinstance(pattern, list):
            if not isinstance(value, list) or len(value) != len(pattern):
                return f"{path}: expected {len(pattern)} items, got {_short(value)}"
            found = (
                self.mismatch(p, v, f"{path}[{i}]")
                for i, (p, v) in enumerate(zip(pattern, value, strict=True))
            )
            return next((problem for problem in found if problem), None)
        named = _NAMED.match(pattern) if isinstance(pattern, str) else None
        if named:
            fits = isinstance(value, str) and self.ids.setdefault(named.group(1), value) == value
        elif pattern == "<any>":
            fits = True
        elif isinstance(pattern, str) and _FOLDER in pattern:
            fits = isinstance(value, str) and with_folder(value, self.folder) == pattern
        elif isinstance(pattern, str) and pattern in _KINDS:
            fits = isinstance(value, _KINDS[pattern]) and not isinstance(value, bool)
        else:
            fits = pattern == value and isinstance(pattern, bool) == isinstance(value, bool)
        return None if fits else f"{path}: expected {_short(pattern)}, got {_short(value)}"

    def _members(self, pattern: dict[str, Any], value: Any, path: str) -> str | None:
        if not isinstance(value, dict):
            return f"{path}: expected an object, got {_short(value)}"
        names = [name for name in pattern if name != _ANY_MORE]
        stray = next((name for name in value if name not in pattern), None)
        if stray is not None and pattern.get(_ANY_MORE) is not True:
            return f"{path}.{stray}: not expected"
        for name in names:
            if name not in value:
                return f"{path}.{name}: missing"
            if problem := self.mismatch(pattern[name], value[name], f"{path}.{name}"):
                return problem
        return None


def data_folder(folder: Path) -> Path:
    """Make the data folder that a recording was made with, in a folder that stands for `<folder>`."""
    data = folder / "data"
    data.mkdir()
    return data


def with_folder(text: str, folder: Path) -> str:
    """The text with the placeholder for the folder, and `/` for what divides the names in it."""
    name = str(folder)
    return text.replace("\\", "/").replace(name.replace("\\", "/"), _FOLDER) if name in text else text


def read(path: Path) -> Recording:
    title, day, lines = path.stem, "", []
    for text in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(text)
        if "meta" in entry:
            title, day = entry["meta"]["title"], entry["meta"]["day"]
        else:
            [(direction, message)] = entry.items()
            assert direction in "<>", f"{path.name}: neither meta, > nor <"
            lines.append(Line(direction, message))
    return Recording(title, day, tuple(lines))


def write(path: Path, recording: Recording) -> None:
    entries: list[Any] = [{"meta": {"title": recording.title, "day": recording.day}}]
    entries += [{line.direction: line.message} for line in recording.lines]
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    path.write_text(text, encoding="utf-8", newline="\n")


# Members whose value is another one in each run, and what stands for it.
_VARYING = {
    **dict.fromkeys(("createdAt", "lastUsed", "timestamp", "startedAt", "completedAt"), "<time>"),
    **dict.fromkeys(("etaSeconds", "rowsPerSecond"), "<number>"),
    **dict.fromkeys(
        (
            "latencyMs",
            "latency_ms",
            "uptimeMs",
            "databaseBytes",
            "rssBytes",
            "inFlight",
            "bytes",
            "freeBytes",
            "logBytes",
            # The number of the last migration: each new one would change what was recorded.
            "schemaVersion",
        ),
        "<int>",
    ),
    **dict.fromkeys(("dataDir", "schemaHash", "sqlite", "keyMark"), "<text>"),
}


class Placeholders:
    """Puts placeholders into what was really said; an id has one name from its first appearance on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, str] = {}

    def put(self, value: Any, member: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.put(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.put(item) for item in value]
        if value is not None and member in _VARYING:
            return _VARYING[member]
        if isinstance(value, str) and _UUID.match(value):
            return f"<uuid:{self._names.setdefault(value, str(len(self._names) + 1))}>"
        return with_folder(value, self._folder) if isinstance(value, str) else value


def join_texts(lines: list[Any]) -> list[Any]:
    """Messages with neighbouring pieces of one streamed text joined: where a text is cut is chance."""
    joined: list[Any] = []
    for message in lines:
        before = joined[-1] if joined else None
        if before is not None and _stream(message) is not None and _stream(message) == _stream(before):
            value = before["params"]["value"]
            text = value["text"] + message["params"]["value"]["text"]
            joined[-1] = {**before, "params": {**before["params"], "value": {**value, "text": text}}}
        else:
            joined.append(message)
    return joined


def latest_progress(lines: list[Any]) -> list[Any]:
    """Messages with the last news of each job and answer alone: how often it is told on the way is chance."""
    last = {_job(message): number for number, message in enumerate(lines)}
    return [
        message
        for number, message in enumerate(lines)
        if _job(message) is None or last[_job(message)] == number
    ]


_OF = {"batch:progress": "jobId", "work:changed": "id"}


def _job(message: Any) -> str | None:
    method = message.get("method") if isinstance(message, dict) else None
    return f"{method} {message['params'][_OF[method]]}" if method in _OF else None


def _stream(message: Any) -> tuple[Any, ...] | None:
    if not isinstance(message, dict) or message.get("method") != "$/progress":
        return None
    params = message["params"]
    value = params["value"]
    return (params["token"], value["type"], value.get("modelId")) if "text" in value else None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
