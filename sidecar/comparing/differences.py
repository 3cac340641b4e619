"""What answers to one question have in common and what only one of them says; agreement over JSON fields (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

# A sentence, an item of a list, a heading or a line of code: what people would call one statement.
_BREAK = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"'\u201d\u2019)\]]*\s+|\n+")
_WORD = re.compile(r"\w+(?:[.,]\d+)*", re.UNICODE)
_MARKS = re.compile(r"^(?:[-*+#>\s]|\d+[.)]\s)+")
# Sentences say the same where they share so much of their words. Numbers must be the same.
ALIKE = 0.5
MOST_SENTENCES = 300
MOST_FIELDS = 2_000
# Of a sentence, which is a whole answer where it has no full stop.
MOST_WORDS = 500
# Words looked up to find out what is alike: a second of work. A hundred answers of 300 sentences would take hours.
MOST_STEPS = 20_000_000
_MOST_DEPTH = 20
# What is nested deeper is text: neither can it be written again as a whole, nor has anybody fields in mind.
_MOST_NESTED = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """What one answer says, or several in their own words: by the place of the answer."""

    texts: Mapping[int, str]
    shared_by: Literal["all", "some", "one"]


@dataclass(frozen=True, slots=True)
class Field:
    """A place in the answers' JSON, and what stands there, by the place of the answer; absent where nothing does."""

    path: str
    values: Mapping[int, Any]
    equal: bool


@dataclass(frozen=True, slots=True)
class Differences:
    """`agreement` is the share of fields that are equal, None where not all is JSON. `cut`: not all was read."""

    statements: tuple[Statement, ...]
    fields: tuple[Field, ...] = ()
    agreement: float | None = None
    cut: bool = False


def differences(answers: Sequence[str]) -> Differences:
    """Return the statements in the order in which an answer comes to them, the first answer's first."""
    values = [_json(answer) for answer in answers]
    if len(values) > 1 and all(isinstance(value, dict | list) for value in values):
        fields = _fields(values)
        agreement = sum(field.equal for field in fields) / len(fields) if fields else 1.0
        return Differences((), tuple(fields[:MOST_FIELDS]), agreement, len(fields) > MOST_FIELDS)
    groups, cut = _grouped(answers)
    return Differences(
        tuple(
            _statement({place: each.text for place, each in group.items()}, len(answers)) for group in groups
        ),
        cut=cut,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence of an answer, its words and the numbers among them."""

    text: str
    words: frozenset[str]
    numbers: frozenset[str]


_Group = dict[int, _Said]


def _grouped(answers: Sequence[str]) -> tuple[list[_Group], bool]:
    """Sentences that say the same, by the places of their answers; whether something was left out."""
    groups: list[_Group] = []
    # Only among those with the same numbers may be one that is alike.
    by_numbers: dict[frozenset[str], list[_Group]] = {}
    cut, steps = False, MOST_STEPS
    for place, answer in enumerate(answers):
        texts = list(islice(_sentences(answer), MOST_SENTENCES + 1))
        cut = cut or len(texts) > MOST_SENTENCES
        for text in texts[:MOST_SENTENCES]:
            words, all_read = _words(text)
            cut = cut or not all_read
            if steps <= 0:
                return groups, True
            said = _Said(text, words, frozenset(word for word in words if word[0].isdigit()))
            near = by_numbers.setdefault(said.numbers, [])
            found, taken = _group(near, place, words)
            steps -= taken
            if found is None:
                groups.append({place: said})
                near.append(groups[-1])
            else:
                found[place] = said
    return groups, cut


def _group(groups: Sequence[_Group], place: int, words: frozenset[str]) -> tuple[_Group | None, int]:
    """The statement that these words make too, in an answer that has not made it yet: the one that is most alike.

    And how many words were looked up for it.
    """
    best, found, steps = 0.0, None, len(words)
    for group in groups:
        if place in group:
            continue
        for known in group.values():
            few, many = sorted((len(words), len(known.words)))
            steps += 1
            # Even if all of the fewer are among the others.
            if few < ALIKE * many:
                continue
            steps += few
            alike = _likeness(words, known.words)
            if alike >= ALIKE and alike > best:
                best, found = alike, group
    return found, steps


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def _statement(said: Mapping[int, str], answers: int) -> Statement:
    texts = dict(sorted(said.items()))
    shared: Literal["all", "some", "one"] = (
        "all" if len(texts) == answers else "one" if len(texts) == 1 else "some"
    )
    return Statement(texts, shared)


def _sentences(answer: str) -> Iterator[str]:
    at = 0
    for found in _BREAK.finditer(answer):
        if text := _sentence(answer[at : found.start()]):
            yield text
        at = found.end()
    if text := _sentence(answer[at:]):
        yield text


def _sentence(piece: str) -> str | None:
    text = _MARKS.sub("", piece).strip()
    return text if _WORD.search(text) else None


def _words(text: str) -> tuple[frozenset[str], bool]:
    """The first words of a sentence, and whether they are all it has."""
    found = [each[0] for each in islice(_WORD.finditer(text.casefold()), MOST_WORDS + 1)]
    return frozenset(found[:MOST_WORDS]), len(found) <= MOST_WORDS


def _json(answer: str) -> Any:
    """The JSON that an answer is, a fence around it taken off; None where it is none."""
    text = answer.strip()
    if text.startswith("```"):
        text = text.partition("\n")[2].rpartition("```")[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if _is_shallow(value) else None


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(_MOST_NESTED):
        inner = [
            each.values() if isinstance(each, dict) else each
            for each in level
            if isinstance(each, dict | list)
        ]
        level = [each for members in inner for each in members]
        if not level:
            return True
    return False


def _fields(values: Sequence[Any]) -> list[Field]:
    found: dict[str, dict[int, Any]] = {}
    for place, value in enumerate(values):
        for path, leaf in _leaves(value, "", 0):
            found.setdefault(path, {})[place] = leaf
    return [
        Field(path, at, len(at) == len(values) and len({_spelled(each) for each in at.values()}) == 1)
        for path, at in found.items()
    ]


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and depth < _MOST_DEPTH:
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list) and value and depth < _MOST_DEPTH:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}[{number}]", depth + 1)
    else:
        yield path, value


def _spelled(value: Any) -> str:
    """Numbers that are equal are spelled alike, and so are texts but for the white space around them."""
    if isinstance(value, str):
        return f"text {value.strip()}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return f"number {float(value)!r}"
        except OverflowError:
            return f"number {value}"
    return json.dumps(value, sort_keys=True)
