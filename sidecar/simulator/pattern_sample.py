"""A text that matches a simple regular expression (pure, best effort).

Knows literals, classes, groups, alternatives (takes the first) and quantifiers (takes the least).
"""

from __future__ import annotations

import re
import unicodedata

# A group that holds what it says, with JavaScript's name, Python's, or none.
_NAMED = re.compile(r"\?:|\?P?<\w+>")
_ESCAPES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "t": "\t", "n": "\n", "r": "\r"}

# Of a whole text, and of each of its groups.
MOST_LETTERS = 20_000


def sample_pattern(pattern: str) -> str:
    """The text, or an empty one for what is beyond it."""
    try:
        text, end = _alternatives(pattern, 0)
    except (IndexError, ValueError, RecursionError, StopIteration):
        return ""
    return text if end == len(pattern) else ""


def _alternatives(pattern: str, at: int) -> tuple[str, int]:
    first, at = _sequence(pattern, at)
    while at < len(pattern) and pattern[at] == "|":
        _, at = _sequence(pattern, at + 1)
    return first, at


def _sequence(pattern: str, at: int) -> tuple[str, int]:
    made: list[str] = []
    length = 0
    while at < len(pattern) and pattern[at] not in "|)":
        if pattern[at] in "^$":
            at += 1
            continue
        atom, at = _atom(pattern, at)
        least, at = _quantifier(pattern, at)
        length += len(atom) * least
        if length > MOST_LETTERS:
            raise ValueError("longer than a sample may be")
        made.append(atom * least)
    return "".join(made), at


def _atom(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char == "(":
        return _group(pattern, at + 1)
    if char == "[":
        return _class(pattern, at + 1)
    if char == "\\":
        escaped = pattern[at + 1]
        if pattern.startswith("{", at + 2) and escaped in "pu":
            end = pattern.index("}", at)
            named = pattern[at + 3 : end]
            return chr(int(named, 16)) if escaped == "u" else _of_category(named), end + 1
        if escaped in "bBAZz":
            return "", at + 2
        if escaped.isalnum() and escaped not in _ESCAPES:
            raise ValueError(escaped)
        return _ESCAPES.get(escaped, escaped), at + 2
    return ("a" if char == "." else char), at + 1


def _group(pattern: str, at: int) -> tuple[str, int]:
    named = _NAMED.match(pattern, at)
    if named is not None:
        at = named.end()
    elif pattern[at] == "?":
        raise ValueError("a group that only looks around")
    text, at = _alternatives(pattern, at)
    if pattern[at] != ")":
        raise ValueError("an open group")
    return text, at + 1


def _of_category(named: str) -> str:
    """A character of `\\p{…}`."""
    return next(char for char in "Aa1.+ " if unicodedata.category(char).startswith(named))


def _class(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "^":
        end = pattern.index("]", at + 2)
        taken = pattern[at + 1 : end]
        return next(char for char in "a1-_ Z" if char not in taken and not _in_ranges(char, taken)), end + 1
    char, end = pattern[at], pattern.index("]", at + 1)
    while pattern[end - 1] == "\\":
        end = pattern.index("]", end + 1)
    if char == "\\" and pattern.startswith("{", at + 2):
        return _atom(pattern, at)[0], end + 1
    if char == "\\":
        char = _ESCAPES.get(pattern[at + 1], pattern[at + 1])
    return char, end + 1


def _in_ranges(char: str, ranges: str) -> bool:
    if char.isdigit() and "\\d" in ranges:
        return True
    if (char.isalnum() or char == "_") and "\\w" in ranges:
        return True
    if char == " " and "\\s" in ranges:
        return True
    return any(
        ranges[dash - 1] <= char <= ranges[dash + 1]
        for dash in range(1, len(ranges) - 1)
        if ranges[dash] == "-"
    )


def _quantifier(pattern: str, at: int) -> tuple[int, int]:
    if at >= len(pattern) or pattern[at] not in "*+?{":
        return 1, at
    least = 1
    if pattern[at] == "{":
        end = pattern.index("}", at)
        least = int(pattern[at + 1 : end].split(",")[0] or 0)
        at = end
    elif pattern[at] in "*?":
        # One is as good as none, and says more in a sample.
        least = 0 if pattern[at] == "?" else 1
    at += 1
    if at < len(pattern) and pattern[at] == "?":
        at += 1
    return least, at
