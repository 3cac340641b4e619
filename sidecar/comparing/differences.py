"""What answers to one question have in common and what only one of them says; agreement over JSON fields (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# A sentence, an item of a list, a heading or a line of code: what people would call one statement.
_BREAK = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"'\u201d\u2019)\]]*\s+|\n+")
_WORD = re.compile(r"\w+(?:[.,]\d+)*", re.UNICODE)
_MARKS = re.compile(r"^(?:[-*+#>\s]|\d+[.)]\s)+")
# Sentences say the same where they share so much of their words. Numbers must be the same.
ALIKE = 0.5
MOST_SENTENCES = 300
MOST_FIELDS = 2_000
_MOST_DEPTH = 20


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
    sentences = [list(_sentences(answer)) for answer in answers]
    cut = any(len(each) > MOST_SENTENCES for each in sentences)
    groups: list[dict[int, tuple[str, frozenset[str]]]] = []
    for place, said in enumerate(sentences):
        for text in said[:MOST_SENTENCES]:
            words = _words(text)
            found = _group(groups, place, words)
            if found is None:
                groups.append({place: (text, words)})
            else:
                found[place] = (text, words)
    return Differences(tuple(_statement(group, len(answers)) for group in groups), cut=cut)


def _group(
    groups: Sequence[dict[int, tuple[str, frozenset[str]]]], place: int, words: frozenset[str]
) -> dict[int, tuple[str, frozenset[str]]] | None:
    """The statement that these words make too, in an answer that has not made it yet: the one that is most alike."""
    best, found = 0.0, None
    for group in groups:
        if place in group:
            continue
        alike = max(_likeness(words, known) for _, known in group.values())
        if alike >= ALIKE and alike > best:
            best, found = alike, group
    return found


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    if _numbers(one) != _numbers(other):
        return 0.0
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


def _numbers(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[0].isdigit())


def _statement(group: Mapping[int, tuple[str, frozenset[str]]], answers: int) -> Statement:
    texts = {place: text for place, (text, _) in sorted(group.items())}
    shared: Literal["all", "some", "one"] = (
        "all" if len(texts) == answers else "one" if len(texts) == 1 else "some"
    )
    return Statement(texts, shared)


def _sentences(answer: str) -> Iterator[str]:
    for piece in _BREAK.split(answer):
        text = _MARKS.sub("", piece).strip()
        if _WORD.search(text):
            yield text


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _json(answer: str) -> Any:
    """The JSON that an answer is, a fence around it taken off; None where it is none."""
    text = answer.strip()
    if text.startswith("```"):
        text = text.partition("\n")[2].rpartition("```")[0]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


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
        return f"number {float(value)!r}"
    return json.dumps(value, sort_keys=True)
