"""Whether something is what was recorded, as far as it can be: ids and times are others in each run.

Placeholders of recordings that were written by hand mean the same here: `<uuid:NAME>`, `<time>`, `<int>`, `<number>`,
`<text>`, `<any>`, `<folder>` within a text, and a member `"...": true` for an object that may have more.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.known_secrets import HIDDEN, redact
from sidecar.recorder.redaction import FOLDER

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_BYTES = re.compile(_UUID.pattern.encode(), re.IGNORECASE)
_NAMED = re.compile(r"<uuid:([^>]+)>")
_ID = re.compile(f"{_UUID.pattern}|{_NAMED.pattern}", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T _-]?\d\d[-:.]?\d\d(?:[-:.]?\d\d)?(?:[.,-]\d+)?(?:Z|\+00:00)?")
_KINDS: dict[str, tuple[type, ...]] = {
    "<time>": (int,),
    "<int>": (int,),
    "<number>": (int, float),
    "<text>": (str,),
}
# Ms since 1970: from 2014 to 2096.
_TIMES = range(1_400_000_000_000, 4_000_000_000_000)
# What is measured anew in each run, in the spelling of the pipe.
_MEASURED = frozenset(
    {"latencyMs", "latency_ms", "uptimeMs", "elapsedMs", "etaSeconds", "rowsPerSecond", "retryAfterMs"}
    | {"databaseBytes", "rssBytes", "bytes", "size", "inFlight", "schemaHash", "version", "detail", "keyMark"}
)
_CURSORS = frozenset({"nextCursor", "cursor", "before"})
_ANY_MORE = "..."


@dataclass(slots=True)
class Bindings:
    """What the recorded ids, cursors and folder stand for in this run. An id binds where it is first seen."""

    folder: Path = Path()
    names: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Bindings:
        return Bindings(self.folder, dict(self.names))

    def fill(self, pattern: Any, stand_in: str = HIDDEN) -> Any:
        """What to send: bound ids in the place of recorded ones, and `stand_in` where a key was hidden."""
        if isinstance(pattern, dict):
            return {name: self.fill(member, stand_in) for name, member in pattern.items()}
        if isinstance(pattern, list):
            return [self.fill(item, stand_in) for item in pattern]
        if not isinstance(pattern, str):
            return pattern
        if pattern in self.names:
            return self.names[pattern]
        filled = _ID.sub(lambda found: self._bound(found[0]), pattern)
        return filled.replace(FOLDER, str(self.folder)).replace(HIDDEN, stand_in)

    def in_this_run(self, piece: bytes) -> bytes:
        """What the network says, with this run's ids in the place of recorded ones: vendors give back what they got."""
        return _UUID_BYTES.sub(lambda found: self._known(found[0]), piece)

    def mismatch(self, pattern: Any, value: Any, path: str = "$", member: str = "") -> str | None:
        """Where the value is not what was recorded, or None."""
        if pattern == "<any>" or (member in _MEASURED and not isinstance(pattern, dict | list)):
            return None
        if isinstance(pattern, dict):
            return self._object(pattern, value, path)
        if isinstance(pattern, list):
            return self._list(pattern, value, path)
        if isinstance(pattern, str):
            fits = self._text(pattern, value, member)
        elif isinstance(pattern, bool) or pattern is None or isinstance(value, bool):
            fits = pattern is value
        else:
            fits = _number(pattern, value)
        return None if fits else f"{path}: recorded {_short(pattern)}, now {_short(value)}"

    def _object(self, pattern: dict[str, Any], value: Any, path: str) -> str | None:
        if not isinstance(value, dict):
            return f"{path}: recorded {_short(pattern)}, now {_short(value)}"
        stray = next((name for name in value if name not in pattern and name not in _MEASURED), None)
        if stray is not None and pattern.get(_ANY_MORE) is not True:
            return f"{path}.{stray}: not recorded, now {_short(value[stray])}"
        for name, recorded in pattern.items():
            if name == _ANY_MORE or (name not in value and name in _MEASURED):
                continue
            if name not in value:
                return f"{path}.{name}: recorded {_short(recorded)}, now missing"
            if problem := self.mismatch(recorded, value[name], f"{path}.{name}", name):
                return problem
        return None

    def _list(self, pattern: list[Any], value: Any, path: str) -> str | None:
        if not isinstance(value, list) or len(value) != len(pattern):
            now = f"{len(value)} items" if isinstance(value, list) else _short(value)
            return f"{path}: recorded {len(pattern)} items, now {now}"
        found = (
            self.mismatch(recorded, now, f"{path}[{i}]")
            for i, (recorded, now) in enumerate(zip(pattern, value, strict=True))
        )
        return next((problem for problem in found if problem), None)

    def _text(self, pattern: str, value: Any, member: str) -> bool:
        if pattern in _KINDS:
            return isinstance(value, _KINDS[pattern]) and not isinstance(value, bool)
        if not isinstance(value, str):
            return False
        if member in _CURSORS or _NAMED.fullmatch(pattern):
            return self.names.setdefault(pattern, value) == value
        if FOLDER in pattern:
            value = value.replace("\\", "/").replace(str(self.folder).replace("\\", "/"), FOLDER)
        if HIDDEN in pattern:
            value = redact(value)
        plain, now = _ID.split(pattern)[:: _GROUPS + 1], _UUID.split(value)
        # Only texts that have ids at the same places are compared id by id.
        if len(plain) != len(now):
            return _timeless(pattern) == _timeless(value)
        if any(_timeless(one) != _timeless(other) for one, other in zip(plain, now, strict=True)):
            return False
        ids = zip((found[0] for found in _ID.finditer(pattern)), _UUID.findall(value), strict=True)
        return all(self.names.setdefault(_name(recorded), other) == other for recorded, other in ids)

    def _known(self, recorded: bytes) -> bytes:
        now = self.names.get(recorded.decode("ascii").lower())
        return recorded if now is None else now.encode()

    def _bound(self, recorded: str) -> str:
        named = _NAMED.fullmatch(recorded)
        return self.names.setdefault(_name(recorded), str(uuid.uuid4()) if named else recorded)


_GROUPS = _ID.groups


def _name(recorded: str) -> str:
    return recorded if recorded.startswith("<") else recorded.lower()


def _number(pattern: Any, value: Any) -> bool:
    if not isinstance(value, int | float):
        return False
    if isinstance(pattern, int) and isinstance(value, int) and pattern in _TIMES:
        return value in _TIMES
    return math.isclose(pattern, value, rel_tol=1e-9, abs_tol=1e-12)


def _timeless(text: str) -> str:
    return _MOMENT.sub("<moment>", text)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else text[:160] + "…"
