"""What any vendor's error body says, whatever its shape (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The members that most vendors' errors have; every one may be empty."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""


def read_body(body: bytes) -> Any:
    """Return an error body as JSON, or as text where it is none. HTML is nobody's words, and empty."""
    text = body.decode("utf-8", "replace").strip()
    try:
        return orjson.loads(text)
    except ValueError:
        return "" if text.startswith("<") else text


def fields_of(value: Any) -> ErrorFields:
    """Return the fields of an error, as JSON or text.

    Takes `{error: {…}}`, `{error: "…", code: "…"}`, `{detail: …}`, `{message: …}`, a bare string, or a list of these.
    """
    if isinstance(value, str):
        return ErrorFields(message=value[:LONGEST_MESSAGE])
    if isinstance(value, list):
        return fields_of(value[0]) if value else ErrorFields()
    if not isinstance(value, Mapping):
        return ErrorFields()
    for member in ("error", "detail", "errors"):
        inner = value.get(member)
        if isinstance(inner, Mapping) or (isinstance(inner, list) and inner):
            return fields_of(inner)
        if isinstance(inner, str) and inner:
            return ErrorFields(inner[:LONGEST_MESSAGE], _word(value.get("type")), _word(value.get("code")))
    message = _word(value.get("message")) or _word(value.get("msg"))
    return ErrorFields(
        message[:LONGEST_MESSAGE],
        _word(value.get("type")),
        _word(value.get("code")),
        _word(value.get("param")),
    )


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
