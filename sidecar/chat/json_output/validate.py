"""JSON mode: find the JSON in a reply, repair what needs no model, hold it against the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from sidecar.chat.json_output.ecma_patterns import with_python_patterns
from sidecar.chat.json_output.kept_values import finite, is_endless, is_too_deep, loads, no_constant
from sidecar.chat.json_output.multiples import with_exact_multiples
from sidecar.chat.json_output.refs import known
from sidecar.chat.json_output.sloppy import as_json, escaped_once_less
from sidecar.chat.json_output.strip_nulls import without_added_nulls
from sidecar.chat.json_output.wrappers import inside, unquoted
from sidecar.errors import Failure
from sidecar.providers.base import FinishReason

_TOO_LARGE = "The model's JSON has a number that is too large to be kept. Ask again, or ask for it as a text."
_NO_JSON = "The model did not answer with JSON. Ask again, or choose a model with JSON mode."
_ABSENT: Mapping[FinishReason, str] = {
    "length": "The answer reached its length limit before its JSON was complete. Raise the maximum answer length.",
    "content_filter": "The provider held the answer back before its JSON was complete. Rephrase the request.",
}
_EXPONENT = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d++")
_INFINITY = re.compile(r"[:,\[]\s*[+-]?(?:Infinity|inf)\s*[,}\]]")
_BRACKET = re.compile(r"[{\[]")
_FENCE = "```"
_TAGS = ("json", "JSON", "")
# A reply full of values is checked from its end, and not for ever.
MOST_CHECKED = 20
_REST_OF_LINE = re.compile(r"[^\S\n]*\n")


def read_reply(text: str, schema: Mapping[str, Any] | None, finish: FinishReason | None = None) -> Any:
    """The JSON value of a reply, valid by the schema as it was given. `finish` is why the reply ended.

    Raises Failure("invalid_output") with the reply in `detail`.
    """
    values = _values(text.strip())
    if not values:
        endless = any(map(is_endless, _EXPONENT.findall(text))) or _INFINITY.search(text)
        why = _TOO_LARGE if endless else _NO_JSON
        raise _invalid(_ABSENT.get(finish or "stop", why), text)
    if schema is None:
        return _likeliest(values)
    problem = None
    for value in reversed(values[-MOST_CHECKED:]):
        value = without_added_nulls(value, schema)
        wrong = _breaks(value, schema)
        if wrong is None:
            return value
        problem = problem or wrong
    # Only the likeliest is looked into: what stands in it follows the schema, or is nobody's answer.
    for value in inside(values[-1]):
        value = without_added_nulls(value, schema)
        if _breaks(value, schema) is None:
            return value
    raise _invalid(
        f"The model's JSON does not follow the schema ({problem}). Ask again, or simplify it.", text
    )


def _likeliest(values: list[Any]) -> Any:
    """The answer where no schema tells: the last object, which JSON mode asks for; else the last list, or whatever is.

    A list behind an object is a footnote (`[1]`), and empty brackets stand for something else in most texts.
    """
    for wanted in (dict, list):
        found = [value for value in values if isinstance(value, wanted)]
        if any(found):
            return next(value for value in reversed(found) if value)
    return values[-1]


def _values(text: str) -> list[Any]:
    """The values that may be the answer, the likeliest last: the whole text, else what it holds.

    What is inside an object that breaks off or has an error is a piece of the answer, and never the answer.
    """
    whole = list(_read([text]))
    if whole:
        return whole
    bare = list(_whole_values(text))
    found = [*(value for value in _read(_fenced(text)) if value not in bare), *bare]
    given = list(filter(None, [*_fenced(text), unquoted(text), text]))
    return (
        found
        or list(_read(filter(None, map(as_json, given))))
        or list(_read(filter(None, map(escaped_once_less, given))))
    )


def _read(candidates: Iterable[str]) -> Iterator[Any]:
    for candidate in candidates:
        with suppress(ValueError, RecursionError):
            value = loads(candidate)
            yield value
            if isinstance(value, str) and value.lstrip().startswith(("{", "[", '"')):
                # Written down once too often, or twice, unless a text is what was asked for.
                yield from (inner for inner in _read([value]) if not isinstance(inner, str))


def _fenced(text: str) -> Iterator[str]:
    """What stands between a fence that is alone on its line, but for its tag, and the next one. In one pass."""
    at = text.find(_FENCE)
    while at >= 0:
        begin = _behind_tag(text, at + len(_FENCE))
        end = -1 if begin is None else text.find(_FENCE, begin)
        if begin is None:
            at = text.find(_FENCE, at + 1)
        elif end < 0:
            return
        else:
            yield text[begin:end].strip()
            at = text.find(_FENCE, end + len(_FENCE))


def _behind_tag(text: str, at: int) -> int | None:
    """Where the line behind a fence begins; None where more than its tag stands beside it."""
    at += len(next(tag for tag in _TAGS if text.startswith(tag, at)))
    rest = _REST_OF_LINE.match(text, at)
    return None if rest is None else rest.end()


def _whole_values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_constant=no_constant, parse_float=finite)
    start = failed = 0
    # Only a few places are tried in vain: prose full of braces must not cost a scan from each of them.
    while failed < 20 and (place := _BRACKET.search(text, start)) is not None:
        try:
            value, start = decoder.raw_decode(text, place.start())
            if not is_too_deep(text[place.start() : start], value):
                yield value
        except json.JSONDecodeError as problem:
            start, failed = max(problem.pos, place.end()), failed + 1
        except (ValueError, RecursionError):
            return


def _breaks(value: Any, schema: Mapping[str, Any]) -> str | None:
    import jsonschema
    from referencing.exceptions import Unresolvable

    draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    checker = with_exact_multiples(draft)
    try:
        patterns: dict[str, str] = {}
        readable = with_python_patterns(schema, written=patterns)
        error = jsonschema.exceptions.best_match(checker(readable, registry=known()).iter_errors(value))
    except RecursionError:
        return "it is nested too deeply to be checked"
    except ArithmeticError:
        return "a number in it is too large to be checked"
    except Unresolvable as problem:
        return f"the schema's reference {problem.ref[:100]!r} leads to nothing"
    if error is None:
        return None
    where = ".".join(str(step) for step in error.absolute_path) or "the whole"
    said = error.message
    for python, given in patterns.items():
        said = said.replace(repr(python), repr(given))
    return f"{where}: {said}"[:200]


def _invalid(message: str, reply: str) -> Failure:
    return Failure("invalid_output", message, detail=reply)
