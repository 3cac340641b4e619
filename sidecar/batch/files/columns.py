"""Which columns of a file are fields of a row, and how their cells become values. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

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
)
# Members that every exported row has.
_RESULT_MARKS = frozenset({"rowIndex", "status", "attempts"})

ROW_FIELDS = (
    "id",
    "prompt",
    "model",
    "system",
    "developer",
    "temperature",
    "maxOutputTokens",
    "jsonMode",
    "jsonSchema",
)
_FIELD_OF = {name.casefold(): name for name in ROW_FIELDS} | {
    "json_mode": "jsonMode",
    "json_schema": "jsonSchema",
    "max_output_tokens": "maxOutputTokens",
}
# A spreadsheet writes its two truths in the language of its owner.
_TRUTHS = (
    *(("true", "false"), ("yes", "no"), ("y", "n"), ("1", "0"), ("on", "off"), ("wahr", "falsch")),
    *(("ja", "nein"), ("vrai", "faux"), ("oui", "non"), ("verdadero", "falso"), ("sí", "no"), ("si", "no")),
    *(("vero", "falso"), ("waar", "onwaar"), ("ja", "nee"), ("verdadeiro", "falso"), ("sim", "não")),
    *(("prawda", "fałsz"), ("истина", "ложь")),
)
_TRUE = frozenset(word for word, _ in _TRUTHS)
_FALSE = frozenset(word for _, word in _TRUTHS)

_SHOWN_CHARS = 60


class BadRow(ValueError):
    """A row that cannot be taken; the message is a sentence for the person."""


def field_of(column: str) -> str | None:
    """The field of a row that a column of this name fills; None for data."""
    return _FIELD_OF.get(column.strip().casefold())


def escaped(name: str) -> str:
    """The column for data of this name: `data.` goes before a name that would be read as something else."""
    plain = field_of(name) is None and name == name.strip() and name != "" and not name.startswith("data.")
    return name if plain else f"data.{name}"


def unescaped(column: str) -> str:
    """The name of the data in a column that is no field."""
    return column[5:] if column.startswith("data.") else column.strip()


def from_cells(cells: Mapping[str, str], data: Mapping[str, str]) -> dict[str, Any]:
    """A row from the texts of a table; `cells` are by field. Raises BadRow."""
    return _row({name: text for name, text in cells.items() if text.strip()}, data)


def from_object(record: Any) -> dict[str, Any]:
    """A row from an object of JSON: members that are no field, and those of `data`, are data. Raises BadRow."""
    if not isinstance(record, dict):
        raise BadRow(f"A row must be an object with a prompt and a model, not {_shown(record)}.")
    left_out: frozenset[str] = frozenset()
    if record.keys() >= _RESULT_MARKS:
        left_out = frozenset(RESULT_COLUMNS)
    fields: dict[str, Any] = {}
    data: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    for name, value in record.items():
        if name in left_out:
            continue
        field = field_of(name)
        if name == "data" and isinstance(value, dict):
            nested = value
        elif field is not None and field not in fields:
            fields[field] = value
        elif name != "data" or value is not None:
            data[name] = value
    return _row({name: value for name, value in fields.items() if value is not None}, data | nested)


def _row(values: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if "id" in values:
        row["id"] = _id(values["id"])
    row["prompt"] = _text(values.get("prompt", ""), "prompt")
    if not row["prompt"].strip():
        raise BadRow("The prompt is empty.")
    row["model"] = _text(values.get("model", ""), "model").strip()
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


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f"The {name} must be text, not {_shown(value)}.")
    return value


def _id(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value)
        if text.strip():
            return text
    raise BadRow(f"The id must be text, not {_shown(value)}.")


def _temperature(value: Any) -> float | int:
    number = _number(value)
    if number is None or not 0 <= number <= MAX_TEMPERATURE:
        raise BadRow(f"The temperature must be a number from 0 to 2, not {_shown(value)}.")
    return number


def _token_limit(value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number) or not 0 <= number <= MAX_OUTPUT_TOKENS:
        raise BadRow(
            f"maxOutputTokens must be a whole number from 0 (no limit) to {MAX_OUTPUT_TOKENS}, not {_shown(value)}."
        )
    return int(number)


def _number(value: Any) -> float | int | None:
    """A number, or text that is one; half of Europe writes 0,7."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip().replace(",", ".", 1)
        try:
            value = int(text) if text.lstrip("+-").isdigit() and len(text) < 20 else float(text)
        except ValueError:
            return None
    if isinstance(value, int):
        # Python's integers have no end, and its floats refuse those that are longer than theirs.
        return value if abs(value) <= MAX_OUTPUT_TOKENS else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if isinstance(value, str | int) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise BadRow(f"jsonMode must be true or false, not {_shown(value)}.")


def _schema(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            raise BadRow(f"The JSON schema cannot be read as JSON: {_shown(value)}.") from None
    if not isinstance(value, dict):
        raise BadRow(f"The JSON schema must be an object, not {_shown(value)}.")
    return value


def read_json(text: str) -> Any:
    """One JSON text. Raises ValueError, for NaN and for what is nested too deep as well."""
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
