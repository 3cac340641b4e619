"""The other form of a question that was refused for its form, and so did not run: one rule for every vendor (pure).

A vendor has its rules: each knows by the vendor's words what was refused, and how to do without it. What a model
refused once is left out of its next questions at once, and the person is told what was.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sidecar.errors import Failure

log = logging.getLogger("sidecar.providers")

Body = Mapping[str, Any]
# The request was read, and nothing was run. What a server may still have begun is of another kind.
REFUSED_FORM = frozenset({"provider_rejected", "context_length_exceeded", "unsupported"})
# Each schema that was refused is remembered; whoever sends a new one with every question is not.
MOST_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to put the question to `model`. `asked` are the options that its person named: none is left out unasked.

    `notes` are sentences for the person: what was left out of it.
    """

    url: str
    body: Body
    model: str = ""
    asked: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=(), compare=False)


Another = Callable[[Attempt, Failure], Attempt | None]
"""Another way to put a question that was refused, and so certainly did not run; None to leave it at that."""

LimitIn = Callable[[Body], int | None]
"""The limit of the answer in tokens that a body asks for; None where it has none."""

Change = Callable[[Attempt, str], Attempt | None]
"""The question in another form, after the words of the refusal; None where there is nothing to change."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`what` is left out, for the log; `told` finds it in the server's words.

    `note` tells the person, with the name of the `{model}`. It is not left out where the `option` was asked for by
    name. `about` is the part of the question that the refusal is about, where another may well be taken. What is not
    `lasting` says something of this question alone.
    """

    what: str
    told: re.Pattern[str]
    change: Change
    note: str = ""
    option: str = ""
    about: Callable[[Body], Any] | None = None
    lasting: bool = True

    def applied(self, attempt: Attempt, said: str) -> Attempt | None:
        """Return the question in the rule's form, None where nothing changes."""
        if self.option in attempt.asked:
            return None
        changed = self.change(attempt, said)
        if changed is None or changed == attempt:
            return None
        note = self.note.format(model=attempt.model)
        told = (note,) if note and note not in attempt.notes else ()
        return replace(changed, notes=(*attempt.notes, *told))


@dataclass(frozen=True, slots=True)
class _Refused:
    rule: Rule
    said: str
    about: Any


def on_body(change: Callable[[Body], dict[str, Any] | None]) -> Change:
    """Return the change of a question by that of its body."""

    def changed(attempt: Attempt, said: str) -> Attempt | None:
        body = change(attempt.body)
        return None if body is None else replace(attempt, body=body)

    return changed


def other_form(rules: Sequence[Rule], attempt: Attempt, failure: Failure) -> tuple[Rule, Attempt] | None:
    """Return the first rule that the refusal speaks of, with what it makes of the question; None where none helps."""
    if failure.kind not in REFUSED_FORM:
        return None
    said = failure.detail or ""
    for rule in rules:
        if rule.told.search(said):
            changed = rule.applied(attempt, said)
            if changed is not None:
                return rule, changed
    return None


class RefusedForms:
    """What each model of one provider refused in this run. `limit_in` finds the limit of an answer in a body."""

    def __init__(self, provider: str, rules: Sequence[Rule], limit_in: LimitIn) -> None:
        self.limit_in = limit_in
        self._provider = provider
        self._rules = rules
        self._refused: defaultdict[str, deque[_Refused]] = defaultdict(lambda: deque(maxlen=MOST_REMEMBERED))

    def known(self, attempt: Attempt) -> Attempt:
        """Return the question without what its model is known to refuse."""
        for refused in self._refused.get(attempt.model, ()):
            if refused.rule.about is None or refused.rule.about(attempt.body) == refused.about:
                attempt = refused.rule.applied(attempt, refused.said) or attempt
        return attempt

    def another(self, attempt: Attempt, failure: Failure) -> Attempt | None:
        """Return the question in another form, and remember it for the model; None where no form is left."""
        found = other_form(self._rules, attempt, failure)
        if found is None:
            return None
        rule, changed = found
        about = None if rule.about is None else rule.about(attempt.body)
        refused = _Refused(rule, failure.detail or "", about)
        if rule.lasting and refused not in self._refused[attempt.model]:
            self._refused[attempt.model].append(refused)
        log.info("%s refuses %s; the question is put without", self._provider, rule.what)
        return changed

    def refuses(self, model: str, what: str) -> bool:
        """Whether the model is known to refuse that, by the word of a rule."""
        return any(refused.rule.what == what for refused in self._refused.get(model, ()))
