"""What any vendor's error says, whatever its shape and wherever it stands (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.lenient_json import read_lenient, whole_text
from sidecar.providers.kernel.wide_text import wide_encoding

LONGEST_MESSAGE = 500

_PAGE = re.compile(rb"<(!doctype|html|head|body|title|h1|center|\?xml|!--)", re.I)
_ABOUT_KEY = re.compile(
    r"\bkeys?\b|api.?key|access token|bearer|credential|authenti|unauthori|permission|scope|\brights\b", re.I
)
# Members that only an answer has; "choices" may be there and hold nothing.
_ANSWERS = ("candidates", "usageMetadata", "promptFeedback", "output", "delta", "content_block")
_EVENTS = ("message", "content_block", "response.", "ping")
_MESSAGES = ("message", "msg", "status_msg", "error_msg", "errorMessage", "error_message", "detail", "reason")
_CODES = ("code", "status_code", "error_code", "errorCode", "status")
_GOOD_CODES = frozenset({"", "0", "200", "ok", "success", "OK", "SUCCESS", "Success"})


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The members that most vendors' errors have; every one may be empty."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""


def speaks_of_key(message: str) -> bool:
    """Whether the words of a 403 are about who asks; without words it is."""
    return not message.strip() or _ABOUT_KEY.search(message) is not None


def read_body(body: bytes) -> Any:
    """Return an error body as JSON, or as text where it is none. HTML is nobody's words, and empty."""
    text = body.decode(wide_encoding(body) or "utf-8", "replace").lstrip("\ufeff").strip()
    try:
        return read_lenient(text)
    except ValueError:
        return "" if text.startswith("<") else text


def is_page(body: bytes) -> bool:
    """Whether the body is a web page, rather than an answer of any API."""
    return _PAGE.match(body.removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


def tells_error(value: Mapping[str, Any], name: str | None = None) -> bool:
    """Whether an object of an answer, an event called `name`, is an error, in any of the ways that servers tell one."""
    kind = value.get("type") or name
    if value.get("error") or kind in ("error", "response.failed") or value.get("object") == "error":
        return True
    if value.get("object") == "response" and value.get("status") == "failed":
        return True
    if _word(as_mapping(value.get("base_resp")).get("status_code")) not in _GOOD_CODES:
        return True
    if any(as_mapping(choice).get("error") for choice in as_list(value.get("choices"))):
        return True
    if (
        as_text(value.get("type")).startswith(_EVENTS)
        or as_list(value.get("choices"))
        or any(map(value.__contains__, _ANSWERS))
    ):
        return False
    told = bool(value.get("errors")) or any(_word(value.get(word)) for word in _MESSAGES)
    codes = [_word(value[word]) for word in _CODES if word in value]
    # An empty list of choices is part of many answers, and an error only where a code says so.
    certain = value.get("choices") is None and not codes
    return told and (certain or any(code not in _GOOD_CODES for code in codes))


def fields_of(value: Any) -> ErrorFields:
    """Return the fields of an error, as JSON or text.

    Takes `{error: {…}}`, `{error: "…", code: "…"}`, `{detail: …}`, `{message: …}`, a bare string, or a list of these.
    """
    if isinstance(value, str):
        return ErrorFields(message=whole_text(value)[:LONGEST_MESSAGE])
    if isinstance(value, list):
        return fields_of(value[0]) if value else ErrorFields()
    if not isinstance(value, Mapping):
        return ErrorFields()
    for member in ("error", "detail", "errors", "base_resp", "response"):
        inner = value.get(member)
        if isinstance(inner, Mapping) or (isinstance(inner, list) and inner):
            return fields_of(inner)
        if isinstance(inner, str) and inner:
            return ErrorFields(whole_text(inner)[:LONGEST_MESSAGE], _word(value.get("type")), _code(value))
    for choice in as_list(value.get("choices")):
        if as_mapping(choice).get("error"):
            return fields_of(choice)
    message = next(filter(None, (_word(value.get(word)) for word in _MESSAGES)), "")
    return ErrorFields(
        whole_text(message)[:LONGEST_MESSAGE],
        _word(value.get("type")),
        _code(value),
        _word(value.get("param")),
    )


def _code(value: Mapping[str, Any]) -> str:
    return next(filter(None, (_word(value.get(word)) for word in _CODES)), "")


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
