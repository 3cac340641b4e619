"""What answers of a batch are held against, as a person writes it down, and what is decided of one answer (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sidecar.batch import template

# A number as people and models write it, thousands and a sign before it included.
_NUMBER = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
# Neither is decided here: a pattern, or a schema, may take for ever.
BOUNDED = frozenset({"regex", "json-schema"})


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """One thing that answers are held against. `spec` is the wire's BatchCheck, `name` what it is called."""

    name: str
    kind: str
    spec: Mapping[str, Any]

    @property
    def negated(self) -> bool:
        """Whether it passes where it would fail."""
        return bool(self.spec.get("not"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check. `note` is a sentence where it failed, or could not be decided."""

    name: str
    passed: bool
    note: str | None = None

    def stored(self) -> dict[str, Any]:
        """As it is kept."""
        return {"name": self.name, "passed": self.passed} | ({} if self.note is None else {"note": self.note})


def read(specs: Sequence[Mapping[str, Any]], others: Iterable[AnswerCheck] = ()) -> list[AnswerCheck]:
    """Return the checks with a name each, which none of the others has: the one given, or what it asks."""
    found: list[AnswerCheck] = []
    taken = {each.name for each in others}
    for number, spec in enumerate(specs, start=1):
        name = str(spec.get("name") or _words(spec))
        if name in taken:
            name = f"{name} ({number})"
        taken.add(name)
        found.append(AnswerCheck(name, str(spec["type"]), spec))
    return found


def problem(spec: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what keeps a check from being one: the member, and a sentence."""
    kind = spec["type"]
    needed = {"contains": "value", "equals": "value", "regex": "pattern", "json-schema": "schema"}.get(kind)
    if needed is not None and spec.get(needed) in (None, ""):
        return needed, f'A check of type "{kind}" needs a {needed}. Give it one.'
    if kind in ("number", "length"):
        least, most = spec.get("min"), spec.get("max")
        if least is None and most is None:
            return "min", f'A check of type "{kind}" needs a min, a max, or both. Give it one.'
        if least is not None and most is not None and least > most:
            return "max", "The max is less than the min, so that no answer could pass. Exchange the two."
    return None


def decide(check: AnswerCheck, answer: str, data: Mapping[str, Any]) -> Verdict:
    """Hold an answer against a check that is not one of `BOUNDED`. `{{names}}` in values stand for the row's data."""
    wanted = check.spec.get("value")
    if isinstance(wanted, str):
        lacking = template.missing((wanted,), data)
        if lacking:
            return Verdict(check.name, False, f"Missing template variables: {', '.join(lacking)}")
        wanted = template.fill(wanted, data)
    match check.kind:
        case "contains":
            return verdict(check, _folded(check, str(wanted)) in _folded(check, answer), f"Lacks “{wanted}”.")
        case "equals":
            same = _folded(check, str(wanted)).strip() == _folded(check, answer).strip()
            return verdict(check, same, f"Is not “{wanted}”.")
        case "number":
            number = _number_in(answer)
            if number is None:
                return Verdict(check.name, False, "Has no number.")
            return verdict(check, _within(number, check.spec), f"Its number is {number}.")
        case _:
            words = check.spec.get("unit") == "words"
            length = len(answer.split()) if words else len(answer)
            unit = "words" if words else "characters"
            return verdict(check, _within(Decimal(length), check.spec), f"Has {length:,} {unit}.")


def verdict(check: AnswerCheck, holds: bool, note: str) -> Verdict:
    """The verdict where it is known whether the check holds; a negated one passes where it does not."""
    passed = holds != check.negated
    return Verdict(check.name, passed, None if passed else "Holds, and must not." if check.negated else note)


def _number_in(answer: str) -> Decimal | None:
    """The number that the answer is, else the first that stands in it."""
    found = _NUMBER.search(answer)
    if found is None:
        return None
    try:
        return Decimal(found[0].replace(",", "").replace("\u2212", "-"))
    except InvalidOperation:
        return None


def _within(number: Decimal, spec: Mapping[str, Any]) -> bool:
    least, most = spec.get("min"), spec.get("max")
    above = least is None or number >= Decimal(repr(least))
    return above and (most is None or number <= Decimal(repr(most)))


def _folded(check: AnswerCheck, text: str) -> str:
    return text.casefold() if check.spec.get("ignoreCase") else text


def _words(spec: Mapping[str, Any]) -> str:
    """What a check without a name is called."""
    never = "not " if spec.get("not") else ""
    kind = str(spec["type"])
    if kind in ("number", "length"):
        least, most = spec.get("min"), spec.get("max")
        between = f"{'' if least is None else format(least, 'g')}–{'' if most is None else format(most, 'g')}"
        return f"{never}{kind} {between}" + (" words" if spec.get("unit") == "words" else "")
    what = str(spec.get("value") or spec.get("pattern") or "")
    return f"{never}{kind}" + (f" {what[:40]}" if what else "")
