"""`[[compatible: think=tags usage=missing]]` inside a prompt: which habits of compatible servers to show (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused

_MARK = re.compile(r"\s?\[\[compatible:([^\]]*)\]\]")
_PAIR = re.compile(r"([a-z_]+)=([^\s,;]*)")

_CHOICES = {
    "usage": ("chunk", "content", "zero", "missing"),
    "think": ("none", "reasoning_content", "reasoning", "object", "parts", "tags"),
    "content": ("text", "parts", "null"),
    "error": ("object", "text", "string", "detail", "located", "message", "html"),
    "json": ("schema", "object", "ignored"),
}


@dataclass(frozen=True, slots=True)
class Quirks:
    """How this server differs from the plainest one.

    `refuse` is a status to refuse with, in the shape that `error` names. `dislikes` are fields, joined by `+`,
    that it refuses by name. `finish` is its word for the end. `comments` keeps the stream alive with comments,
    `whole` answers without streaming, `done` ends with `[DONE]`.
    """

    usage: str = "chunk"
    think: str = "none"
    content: str = "text"
    error: str = "object"
    json: str = "schema"
    refuse: int = 0
    dislikes: frozenset[str] = frozenset()
    finish: str = "stop"
    comments: bool = False
    whole: bool = False
    done: bool = True


@dataclass(frozen=True, slots=True)
class QuirkRequest(ParsedRequest):
    """A question to a server with these habits. Its messages are without the mark that ordered them."""

    quirks: Quirks = Quirks()


@dataclass(frozen=True, slots=True)
class QuirkRefusal(Refusal):
    """A refusal in one of the shapes that exist."""

    shape: str = "object"


def read_quirks(prompt: str) -> Quirks:
    """The habits that a prompt orders. Raises Refused for one that does not exist."""
    kinds = {field.name: str(field.type) for field in fields(Quirks)}
    orders: dict[str, object] = {}
    for block in _MARK.findall(prompt):
        for name, value in _PAIR.findall(block):
            if name not in kinds or value not in _CHOICES.get(name, (value,)):
                raise Refused(Refusal(400, f"The simulated server has no habit {name}={value}."))
            orders[name] = _value(kinds[name], value)
    return Quirks(**orders)  # type: ignore[arg-type]


def quirks_of(parsed: ParsedRequest) -> Quirks:
    """Return the habits that came with a request; the plainest ones where none did."""
    return parsed.quirks if isinstance(parsed, QuirkRequest) else Quirks()


def without_mark(text: str) -> str:
    """The prompt as a person would have written it."""
    return _MARK.sub("", text)


def _value(kind: str, value: str) -> object:
    if kind == "bool":
        return value not in ("0", "false", "no")
    if kind == "int":
        return int(value) if value.isascii() and value.isdigit() else 400
    return frozenset(filter(None, value.split("+"))) if kind.startswith("frozenset") else value
