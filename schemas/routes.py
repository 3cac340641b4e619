"""From a method's name on the wire to the function that serves it and the recording that shows it."""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass

from schemas.source import Schema, target

# `exit` and `quit` are builtins only where the site module was loaded.
_TAKEN = frozenset(dir(builtins)) | {"exit", "quit"}


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the generated table of methods."""

    name: str
    params: str | None
    result: str | None
    module: str
    function: str
    aliases: tuple[str, ...]
    planned: bool
    notification: bool
    reads: bool


def route(method: Schema) -> Route:
    module, function = handler(method["name"])
    return Route(
        name=method["name"],
        params=target(method["x-params"]) if "x-params" in method else None,
        result=target(method["result"]) if "result" in method else None,
        module=module,
        function=function,
        aliases=tuple(method.get("x-aliases", ())),
        planned=bool(method.get("x-planned", False)),
        notification="result" not in method,
        reads=bool(method.get("x-reads", False)),
    )


def handler(name: str) -> tuple[str, str]:
    """`space:verb-noun` is `verb_noun` in the module `space`; a name without a space is in `system`.

    What would hide a word or a builtin of Python gets a trailing underscore: `project:list` is `list_`.
    """
    if name == "$/cancelRequest":
        return "rpc", "cancel_request"
    space, _, verb = name.removeprefix("rpc.").rpartition(":")
    function = verb.replace("-", "_")
    return space or "system", f"{function}_" if keyword.iskeyword(
        function
    ) or function in _TAKEN else function


def recording(name: str) -> str:
    """The file in tests/replay: `chat:send` is `chat.send.jsonl`, `$/cancelRequest` is `cancelRequest.jsonl`."""
    return f"{name.removeprefix('$/').replace(':', '.')}.jsonl"
