r"""Regular expressions as JSON Schema has them, which are JavaScript's, written as Python's (pure).

Schemas come out of TypeScript as often as not: `(?<year>\d{4})`, `^\p{Lu}`, `\u{1F600}` and `[^]` are theirs, their
`\d`, `\w` and `\b` are ASCII, `[\w-.]` holds a hyphen, and their `$` is the very end.
What is Python's alone (`(?P<year>…)`, `\A`) stays as it is.
ECMA-262, 22.2; JSON Schema 2020-12, 6.4.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from sidecar.chat.json_output.places import HOLDS_A_SCHEMA, HOLDS_SCHEMAS_BY_NAME, HOLDS_SCHEMAS_IN_LIST

# One step of a pattern, whichever comes first: an escape, the beginning of a group or a class, or a character.
_STEP = re.compile(
    r"""\\u\{(?P<braced>[0-9A-Fa-f]{1,6})\}
      | \\u(?P<high>[Dd][89ABab][0-9A-Fa-f]{2})\\u(?P<low>[Dd][C-Fc-f][0-9A-Fa-f]{2})
      | \\(?P<negated>[pP])\{(?P<property>[^{}]*)\}
      | \\k<(?P<back>\w+)>
      | \\c(?P<control>[A-Za-z])
      | \\(?P<escaped>.)
      | \(\?<(?P<name>[A-Za-z_]\w*)>
      | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
# Python takes it for "at most so many", JavaScript for the signs that it is.
_NO_COUNT = re.compile(r",\d*\}")
_EMPTY_CLASS = re.compile(r"\^?\]")
# The same letters of JavaScript's and of Python's escapes; any other stands for itself.
_SAME = frozenset("dDwWsSbBfnrtvxu0123456789AZ")
# What stands between brackets for a class of JavaScript's, which knows no letters and digits but those of ASCII.
_CLASSES = {
    "d": "0-9",
    "D": r"\x00-/:-\U0010ffff",
    "w": "A-Za-z0-9_",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "s": r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
    "S": (
        r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
        r"\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
    ),
}
_POSIX = re.compile(r"(?<=\[)\[:\^?[a-z]{4,6}:\](?=[^\n]*\])")
_SLASHES = re.compile(r"/\^.*/[dgimsuvy]*|/.*(?<!\\)\$/[dgimsuvy]*", re.DOTALL)
# A pattern is read on the loop; so many letters take a twentieth of a second.
MOST_LETTERS = 50_000
_FLAGS_OF_PYTHON = re.compile(r"\(\?[aiLmsux]+\)")
# The long names of `\p{…}` that people write; the short ones are Unicode's own.
_CATEGORIES = {
    "Letter": "L",
    "Alphabetic": "L",
    "Alpha": "L",
    "Lowercase_Letter": "Ll",
    "Lowercase": "Ll",
    "Uppercase_Letter": "Lu",
    "Uppercase": "Lu",
    "Mark": "M",
    "Number": "N",
    "Decimal_Number": "Nd",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Other": "C",
}
_KNOWN = re.compile(r"L[lutmo&]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?")


class NoPattern(ValueError):
    """What is no pattern, or one that Python has no words for. Its text says why."""


def to_python(pattern: str, *, check_only: bool = False) -> str:
    """Return the pattern in Python's words. `check_only`: what `\\p{…}` stands for, which takes a while, is left out.

    Raise NoPattern.
    """
    written, position, in_class = [], 0, False
    before: re.Match[str] | None = None
    keeps_dollar = _FLAGS_OF_PYTHON.match(pattern) is not None
    while position < len(pattern):
        step = _STEP.match(pattern, position)
        if step is None:
            raise NoPattern("it ends with a backslash")
        position = step.end()
        plain = step["plain"]
        if in_class:
            if plain == "]":
                in_class = False
            is_sign = plain in ("[", "&", "|", "~") or (
                # It is no range from or to a class.
                plain == "-" and (_is_class(before) or _is_class(_STEP.match(pattern, position)))
            )
            written.append(f"\\{plain}" if is_sign else plain or _escape(step, True, check_only))
        elif plain == "[":
            empty = _EMPTY_CLASS.match(pattern, position)
            if empty is not None:
                written.append(r"[\s\S]" if empty[0] == "^]" else "(?!)")
                position = empty.end()
            else:
                in_class = True
                written.append("[")
        elif plain == "{" and _NO_COUNT.match(pattern, position):
            written.append(r"\{")
        elif plain == "$" and not keeps_dollar:
            written.append(r"\Z")
        else:
            written.append(plain or _escape(step, False, check_only))
        before = step
    return "".join(written)


def with_python_patterns(
    schema: Any, *, check_only: bool = False, written: dict[str, str] | None = None
) -> Any:
    """Return the schema with each of its patterns in Python's words, which `written` gives back. Raise NoPattern."""
    found = {} if written is None else written

    def in_python(pattern: str) -> str:
        python = _compiled(pattern, check_only)
        found[python] = pattern
        return python

    def member(word: str, value: Any) -> Any:
        if word == "pattern" and isinstance(value, str):
            return in_python(value)
        if word == "patternProperties" and isinstance(value, Mapping):
            return {in_python(name): walk(each) for name, each in value.items()}
        if word in HOLDS_SCHEMAS_BY_NAME and isinstance(value, Mapping):
            return {name: walk(each) for name, each in value.items()}
        if word in (*HOLDS_SCHEMAS_IN_LIST, *HOLDS_A_SCHEMA) and isinstance(value, list):
            return [walk(each) for each in value]
        return walk(value) if word in HOLDS_A_SCHEMA else value

    def walk(each: Any) -> Any:
        return (
            {word: member(word, value) for word, value in each.items()} if isinstance(each, Mapping) else each
        )

    return walk(schema)


def _compiled(pattern: str, check_only: bool) -> str:
    try:
        if len(pattern) > MOST_LETTERS:
            raise NoPattern(f"it has more than {MOST_LETTERS:,} letters")
        if _SLASHES.fullmatch(pattern):
            raise NoPattern(
                "it stands between slashes, as in a program, and is found in no text: leave them out"
            )
        if (posix := _POSIX.search(pattern)) is not None:
            raise NoPattern(f"{posix[0]} is no class in JSON Schema: write its letters, or such as \\p{{L}}")
        python = to_python(pattern, check_only=check_only)
        re.compile(python)
    except (re.error, OverflowError, RecursionError, NoPattern) as problem:
        raise NoPattern(f"the pattern {pattern[:100]!r} cannot be read ({problem})") from None
    return python


def _is_class(step: re.Match[str] | None) -> bool:
    return step is not None and (step["property"] is not None or (step["escaped"] or "") in _CLASSES)


def _escape(step: re.Match[str], in_class: bool, check_only: bool) -> str:
    if step["braced"] or step["high"]:
        return re.escape(_character(step))
    if step["property"] is not None:
        return _property(step["property"], step["negated"] == "P", in_class, check_only)
    if step["back"]:
        return f"(?P={step['back']})"
    if step["control"]:
        return re.escape(chr(ord(step["control"]) % 32))
    if step["name"]:
        return f"(?P<{step['name']}>"
    letter = step["escaped"]
    if letter in _CLASSES:
        return _CLASSES[letter] if in_class else f"[{_CLASSES[letter]}]"
    if letter in "bB" and not in_class:
        return f"(?a:\\{letter})"
    if letter == "z":
        return r"\Z"
    # A letter without a meaning stands for itself; Python refuses it.
    return letter if letter.isalpha() and letter not in _SAME else f"\\{letter}"


def _character(step: re.Match[str]) -> str:
    if step["braced"]:
        code = int(step["braced"], 16)
        if code > sys.maxunicode:
            raise NoPattern(f"there is no character {step['braced']}")
        return chr(code)
    high, low = int(step["high"], 16) - 0xD800, int(step["low"], 16) - 0xDC00
    return chr(0x10000 + (high << 10) + low)


def _property(given: str, negated: bool, in_class: bool, check_only: bool) -> str:
    _, _, value = given.rpartition("=")
    name = _CATEGORIES.get(value, value)
    if "Script" in given or _KNOWN.fullmatch(name) is None:
        raise NoPattern(f"\\p{{{given}}} is not known here; general categories such as \\p{{L}} are")
    if negated and in_class:
        raise NoPattern(f"\\P{{{given}}} cannot stand between brackets here")
    inside = "a" if check_only else _ranges()[name]
    return inside if in_class else f"[{'^' if negated else ''}{inside}]"


@cache
def _ranges() -> Mapping[str, str]:
    """What stands between brackets for each general category. One walk through Unicode, a few tenths of a second."""
    runs: dict[str, list[list[int]]] = {}
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        for name in (category, category[0]):
            found = runs.setdefault(name, [])
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return {
        name: "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)
        for name, found in runs.items()
    }
