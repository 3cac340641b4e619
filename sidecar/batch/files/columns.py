"""Which columns of a file are fields of a row, and how their cells become values (pure)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sidecar.batch import template
from sidecar.batch.files.names import field_of
from sidecar.batch.files.numbers import Spelled, as_data, as_value, read_json

MAX_OUTPUT_TOKENS = 10_000_000
MAX_TEMPERATURE = 2.0

# What an export adds to each row, in this order and as its last columns; an import leaves it out again.
RESULT_COLUMNS = (
    "rowIndex",
    "status",
    "response",
    "tokens_in",
    "tokens_out",
    "cost_usd",
    "latency_ms",
    "error",
    "errorMessage",
    "attempts",
    "costAtLeastUSD",
    "costAtMostUSD",
    "checks",
)
# Those of exports that knew no bounds of a cost.
OLDER_RESULT_COLUMNS = RESULT_COLUMNS[:10]
# Members that every exported row has.
_RESULT_MARKS = frozenset({"rowIndex", "status", "attempts"})

_SPELLED = ("$oid", "$uuid", "$numberLong", "$numberInt")
# What Excel and its like show in place of a value that cannot be computed, in several languages.
_ERROR_WORDS = """
    #REF! #N/A #VALUE! #NAME? #DIV/0! #NULL! #NUM! #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #BUSY! #ERROR! #UNKNOWN!
    #BEZUG! #NV #WERT! #ZAHL! #ÜBERLAUF! #VALEUR! #NOM? #NOMBRE! #¿NOMBRE? #¡REF! #¡VALOR! #¡DIV/0! #¡NUM! #N/D #NOME?
    #RIF! #VALORE! #VALOR! #WAARDE! #NAAM? #VERW! #ССЫЛКА! #ЗНАЧ! #ИМЯ? #Н/Д #ДЕЛ/0! #ЧИСЛО!
"""
_SHEET_ERRORS = frozenset(_ERROR_WORDS.split())
# The last column before the results of a table that was exported; it says how its cells were written.
DEFUSED_MARK = "abai:formulas-defused"
PLAIN_MARK = "abai:formulas-as-they-are"
# What is pasted along with a name and nobody sees: every blank that str.strip knows, and what has no width. One
# set, because the two may stand in turns.
_UNSEEN = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
# Digits in threes, as people write thousands in one country or another.
_THOUSANDS = re.compile(r"\+?[1-9]\d{0,2}(?:([,.'’_ \u00a0\u202f\u2009])\d{3})(?:\1\d{3})*")
# A spreadsheet writes its two truths in the language of its owner.
_TRUTHS = (
    *(("true", "false"), ("yes", "no"), ("y", "n"), ("1", "0"), ("on", "off"), ("wahr", "falsch")),
    *(("ja", "nein"), ("vrai", "faux"), ("oui", "non"), ("verdadero", "falso"), ("sí", "no"), ("si", "no")),
    *(("vero", "falso"), ("waar", "onwaar"), ("ja", "nee"), ("verdadeiro", "falso"), ("sim", "não")),
    *(("prawda", "fałsz"), ("истина", "ложь")),
)
_TRUE = frozenset(word for word, _ in _TRUTHS)
_WORDS = _TRUE | frozenset(word for _, word in _TRUTHS)

# What programs write into a cell of numbers in which there is none.
_NO_VALUE = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "-", "--"})
_OPTIONS = frozenset({"temperature", "maxOutputTokens", "jsonMode", "jsonSchema"})

_SHOWN_CHARS = 60
_REMEMBERED = 256


EMPTY = "The prompt is empty."


class BadRow(ValueError):
    """A row that cannot be taken; the message is a sentence for the person."""


def says_nothing(field: str, value: Any) -> bool:
    """Whether the value of an option is a word for that there is none."""
    return field in _OPTIONS and isinstance(value, str) and value.strip().casefold() in _NO_VALUE


def as_name(text: str) -> str:
    """Return the name of a model without blanks around it, the invisible ones too."""
    return text.strip(_UNSEEN)


def escaped(name: str) -> str:
    """The column for data of this name: `data.` goes before a name that would be read as something else."""
    plain = name == name.strip() and name != "" and not name.startswith(("data.", "abai:"))
    return name if plain and field_of(name) is None and name not in RESULT_COLUMNS else f"data.{name}"


def unescaped(column: str) -> str:
    """The name of the data in a column that is no field."""
    return column[5:] if column.startswith("data.") else column.strip()


def make_row(values: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of these values by field and this data, by name. Raise BadRow."""
    given = {name: as_value(value) for name, value in values.items() if value is not None}
    if isinstance(number := values.get("id"), Spelled) and float(number).is_integer():
        # 1.0 of a program whose integers are floats is the name "1.0".
        given["id"] = str(number)
    return _row(given, {name: as_data(value) for name, value in data.items()})


def from_object(record: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (members, data) of an object of JSON: what is to be read by name, and what is data. Raise BadRow."""
    if not isinstance(record, dict):
        raise BadRow(f"A row must be an object with a prompt and a model, not {shown(record)}.")
    left_out = RESULT_COLUMNS if record.keys() >= _RESULT_MARKS else ()
    nested = record.get("data")
    data = dict(nested) if isinstance(nested, dict) else {}
    members = {
        name: value
        for name, value in record.items()
        if name not in left_out and not (name == "data" and (value is None or isinstance(value, dict)))
    }
    return members, data


def _row(values: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if "id" in values:
        row["id"] = _id(values["id"])
    row["prompt"] = _text(values.get("prompt", ""), "prompt")
    if not row["prompt"].strip():
        raise BadRow(EMPTY)
    if row["prompt"].strip() in _SHEET_ERRORS:
        raise BadRow(
            f"The prompt is {row['prompt'].strip()}, an error of the spreadsheet. Correct its formula there, and save "
            "the table again."
        )
    row["model"] = as_name(_text(values.get("model", ""), "model"))
    if not row["model"]:
        raise BadRow("The model is empty.")
    for name in ("system", "developer"):
        if name in values:
            row[name] = _text(values[name], name)
    if "temperature" in values:
        row["temperature"] = _temperature(values["temperature"])
    if "maxOutputTokens" in values:
        row["maxOutputTokens"] = _token_limit(values["maxOutputTokens"])
    if "jsonMode" in values:
        row["jsonMode"] = _truth(values["jsonMode"])
    if "jsonSchema" in values:
        row["jsonSchema"] = _schema(values["jsonSchema"])
    if data:
        row["data"] = dict(data)
    return row


def asked_by_template(texts: tuple[str | None, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what texts ask for by the name of a column that fills a field and has another name, as data."""
    asked = {name for text in texts if text and "{{" in text for name in template.variables(text)}
    return {name: value for name, value in named.items() if name in asked and name != field_of(name)}


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f"The {name} must be text, not {shown(value)}.")
    return value


def _id(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        # As MongoDB writes its ids and its numbers.
        value = next((value[name] for name in _SPELLED if name in value), value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value)
        if text.strip():
            return text
    raise BadRow(f"The id must be text, not {shown(value)}.")


def _temperature(value: Any) -> float | int:
    number = _number(value)
    if number is None or not 0 <= number <= MAX_TEMPERATURE:
        raise BadRow(f"The temperature must be a number from 0 to 2, not {shown(value)}.")
    return number


def _token_limit(value: Any) -> int:
    number = _number(_without_thousands(value))
    if number is None or number != int(number) or not 0 <= number <= MAX_OUTPUT_TOKENS:
        raise BadRow(
            f"maxOutputTokens must be a whole number from 0 (no limit) to {MAX_OUTPUT_TOKENS}, not {shown(value)}."
        )
    return int(number)


def _number(value: Any) -> float | int | None:
    """A number, or text that is one; half of Europe writes 0,7."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip().replace(",", ".", 1)
        if text.endswith("%"):
            share = _number(text[:-1])
            return None if share is None else share / 100
        try:
            value = int(text) if text.lstrip("+-").isdigit() and len(text) < 20 else float(text)
        except ValueError:
            return None
    if isinstance(value, int):
        # Python's integers have no end, and its floats refuse those that are longer than theirs.
        return value if abs(value) <= MAX_OUTPUT_TOKENS else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _without_thousands(value: Any) -> Any:
    """Text of a whole number without what stands between its thousands: "4,000" and "4.000" are four thousand."""
    if isinstance(value, str) and (found := _THOUSANDS.fullmatch(value.strip())):
        return value.strip().replace(found[1], "")
    return value


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if isinstance(value, str | int) and word in _WORDS:
        return word in _TRUE
    raise BadRow(f"jsonMode must be true or false, not {shown(value)}.")


def _schema(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            raise BadRow(f"The JSON schema cannot be read as JSON: {shown(value)}. Correct it.") from None
    if not isinstance(value, dict):
        raise BadRow(f"The JSON schema must be an object, not {shown(value)}.")
    return value


# How text that is not blank becomes the value of a field, for those where it is another one. A column of options says
# a few things over and over.
TEXT_VALUES: Mapping[str, Callable[[str], Any]] = {
    "model": as_name,
    "temperature": lru_cache(_REMEMBERED)(_temperature),
    "maxOutputTokens": lru_cache(_REMEMBERED)(_token_limit),
    "jsonMode": lru_cache(_REMEMBERED)(_truth),
    "jsonSchema": _schema,
}


def shown(value: Any) -> str:
    """Return a value as it may stand in a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
