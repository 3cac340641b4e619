"""`[[simulate: status=429 times=2]]` inside a prompt: how a test, or a front-end, orders a failure (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

_DIRECTIVE = re.compile(r"\[\[simulate:([^\]]*)\]\]")
_PAIR = re.compile(r"([a-z_]+)=([^\s,;]+)")


@dataclass(frozen=True, slots=True)
class Directives:
    """What was ordered. Counts are of pieces of text, times are in milliseconds, `retry_after` in seconds.

    With `times` the failures happen that often for the same model and prompt, and then no more. `expires` is for
    a row of a batch; `batch_…` and `create_…` are for the batch whose first row has them: its creation is lost,
    or its answer cut off, so many times.
    """

    status: int | None = None
    retry_after: float | None = None
    times: int | None = None
    quota: bool = False
    cut: int | None = None
    error_after: int | None = None
    malformed: bool = False
    refusal: bool = False
    finish: str | None = None
    tokens: int | None = None
    tier: str | None = None
    slow_first_ms: float = 0
    pace_ms: float | None = None
    expires: bool = False
    batch_expires: bool = False
    batch_fails: bool = False
    batch_slow_ms: float | None = None
    create_cut: int = 0
    create_lost: int = 0

    @property
    def fails(self) -> bool:
        return (
            self.quota
            or self.malformed
            or self.refusal
            or any(order is not None for order in (self.status, self.cut, self.error_after))
        )

    def without_failures(self) -> Directives:
        return replace(
            self, status=None, quota=False, cut=None, error_after=None, malformed=False, refusal=False
        )


_KINDS = {field.name: str(field.type) for field in fields(Directives)}


def read_directives(prompt: str) -> Directives:
    """The orders in a prompt. Raises ValueError with a sentence for one that does not exist."""
    orders: dict[str, object] = {}
    for block in _DIRECTIVE.findall(prompt):
        rest = _PAIR.sub("", block).strip(" ,;\t\n")
        if rest:
            raise ValueError(f"The simulator does not understand {rest!r}.")
        for name, value in _PAIR.findall(block):
            orders[name] = _value(name, value)
    return Directives(**orders)  # type: ignore[arg-type]


def without_directives(prompt: str) -> str:
    """The prompt as a person would have written it."""
    return _DIRECTIVE.sub("", prompt).strip()


def _value(name: str, value: str) -> object:
    kind = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"The simulator knows no {name!r}. It knows: {', '.join(_KINDS)}.")
    if kind == "bool":
        return value.lower() not in ("0", "false", "no")
    if name == "finish":
        if value not in ("stop", "length"):
            raise ValueError("The simulator can finish with stop or length.")
        return value
    if name == "tier":
        return value
    number = float(value)
    if number < 0 or number != number or number == float("inf"):
        raise ValueError(f"The simulator cannot take {value!r} for {name!r}.")
    return number if "float" in kind else int(number)
