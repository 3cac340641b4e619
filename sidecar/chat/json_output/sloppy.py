"""JSON as models write it that nobody holds to it, written down as JSON (pure).

What is meant is certain: quotes of Python or of a text processor, `True` and `None`, names without quotes, comments, a
comma behind the last of several values, line ends inside a text, `+1` and `.5`, marks of a Chinese keyboard or escaped
for a web page, and backslashes of formulas, patterns and paths that can be nothing else. What is missing is never
added: an answer that breaks off stays one.
"""

from __future__ import annotations

import html
import json
import re

# More letters are no answer that a person looks at, and are read on the loop.
MOST_LETTERS = 100_000
# Each thing that is not closed goes on to the end: nothing is looked for twice.
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*+(?:"|\Z))
      | (?P<single>'(?:[^'\\]|\\.)*+(?:'|\Z)|“(?:[^”\\]|\\.)*+(?:”|\Z)|„(?:[^“”\\]|\\.)*+(?:[“”]|\Z))
      | (?P<comment>//[^\n]*+|/\*.*?(?:\*/|\Z)|\#[^\n]*+)
      | (?P<name>[A-Za-z_$][\w$-]*+)(?P<colon>\s*+:)?
      | (?P<number>[+-]?(?:\d|\.\d)[\w.+-]*+)
      | (?P<end>[}\]])
      | (?P<wide>[：，])
      | (?P<blank>[\s\u200b\u2060\ufeff]++)
      | .""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"True": "true", "False": "false", "None": "null"}
# The marks of a Chinese keyboard.
_WIDE = {"：": ":", "，": ","}
_QUOTE_INSIDE = re.compile(r"\\.|\"", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x1f]")
# With a small letter behind it, which it may belong to: `\nu` is a letter of TeX, `\new` a folder.
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[bfnrt][a-z]|.|\Z)", re.DOTALL)
_MAY_BE_BOTH = re.compile(r"\\(?:[bfnrt][a-z]|u\Z)")
_ESCAPED_LETTERS = frozenset('"\\/bfnrt')
# From the last bracket before it: a text of nothing but brackets is not looked through from each of them.
_FOR_A_PAGE = re.compile(r"[{\[]\s*+&(?:quot|#34);")


def as_json(text: str) -> str | None:
    """Return the object or list that a text holds from its first bracket to its last, as JSON; None for any other text.

    Whether it is JSON is for whoever reads it: what cannot be understood stays as it is.
    """
    if len(text) > MOST_LETTERS:
        return None
    if _FOR_A_PAGE.search(text):
        text = html.unescape(text)
    begin = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]"))
    if begin < 0 or end < begin:
        return None
    written: list[str] = []
    for token in _TOKEN.finditer(text, begin, end + 1):
        if token["comment"] or token["blank"]:
            continue
        if token["end"] and written[-1:] == [","] and written[-2] not in "[{,:":
            written.pop()
        written.append(_written(token))
    return " ".join(written)


def escaped_once_less(text: str) -> str | None:
    """Return the object or list that is escaped as if it stood in quotes, as JSON; None where none is."""
    begin = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]"))
    inside = text[begin : end + 1] if 0 <= begin < end and len(text) <= MOST_LETTERS else ""
    if '\\"' not in inside and "\\n" not in inside:
        return None
    if '\\"' not in inside:
        inside = inside.replace('"', '\\"')
    try:
        return as_json(json.loads(f'"{inside}"', strict=False))
    except ValueError:
        return None


def _written(token: re.Match[str]) -> str:
    if token["quoted"]:
        return _escaped(token["quoted"])
    if token["single"]:
        # What was escaped for these quotes needs no backslash in others, and the others need one.
        inner = _QUOTE_INSIDE.sub(_unescaped, token["single"][1:-1])
        return _escaped(f'"{inner}"')
    if token["name"]:
        if token["colon"]:
            return f'"{token["name"]}":'
        return _WORDS.get(token["name"], token["name"])
    if token["wide"]:
        return _WIDE[token["wide"]]
    return _number(token["number"]) if token["number"] else token[0]


def _number(text: str) -> str:
    """`+1` and `.5` as JSON writes them; any other as it is: behind a nought first, nobody knows what is meant."""
    plain = text.removeprefix("+")
    if plain.startswith((".", "-.")):
        plain = plain.replace(".", "0.", 1)
    return plain if plain.lstrip("-")[:1].isdigit() else text


def _is_none(escape: str) -> bool:
    return escape[1:2] not in _ESCAPED_LETTERS and len(escape) < 6


def _literal(escape: str) -> str:
    # Python and JavaScript take the backslash before it for one that escapes it.
    return "'" if escape == "\\'" else f"\\{escape}"


def _unescaped(found: re.Match[str]) -> str:
    letter = found[0][-1]
    return '\\"' if letter == '"' else letter if letter in "'“”" else found[0]


def _escaped(quoted: str) -> str:
    """Line ends and tabs that stand in a text as they are, and backslashes that escape nothing.

    Where some do and others may (`\\d` beside `\\new`), nobody knows what is meant, and it stays no JSON.
    """
    escapes = [found[0] for found in _ESCAPE.finditer(quoted)]
    if any(map(_is_none, escapes)) and not any(map(_MAY_BE_BOTH.match, escapes)):
        quoted = _ESCAPE.sub(lambda found: _literal(found[0]) if _is_none(found[0]) else found[0], quoted)
    return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], quoted)
