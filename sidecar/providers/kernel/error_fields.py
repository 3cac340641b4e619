"""What any vendor's error says, whatever its shape and wherever it stands (pure)."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.kernel.charset import narrowed, text_of
from sidecar.providers.kernel.json_values import (
    as_count,
    as_list,
    as_mapping,
    as_text,
    read_lenient,
    whole_text,
)
from sidecar.providers.kernel.web_pages import is_page

LONGEST_MESSAGE = 500
# An error inside an error inside an error is passed on so far.
MOST_NESTED = 20_000

_ABOUT_KEY = re.compile(
    r"\bkeys?\b|api.?key|access token|bearer|credential|authenti|unauthori|permission|scope|\brights\b", re.I
)
_WRONG = "(?:invalid|incorrect|wrong|expired|revoked|missing|malformed|not valid|not found|unknown)"
_KEY = "(?:api|access)[ _-]?(?:key|token)"
_KEY_REFUSED = re.compile(rf"{_KEY}[^.]{{0,40}}\b{_WRONG}|\b{_WRONG}[^.]{{0,20}}{_KEY}", re.I)
_LACKS_RIGHT = re.compile(
    r"\bmissing (the )?(required )?(scope|permission)|\binsufficient[ _](permission|scope|privilege)"
    r"|\b(does not|doesn['’]t|do not|don['’]t) have (the |any |a |sufficient |enough |required |necessary )*"
    r"(permission|access|right|scope|role)"
    r"|\black(s|ing)? (the |a |an |required |necessary )*(acl|permission|scope|right|role)\b"
    r"|\bip address\b.{0,80}(restrict|not (authorized|allowed)|blocked)|\brestricted (api )?key\b"
    r"|\brequests (from|to) .{0,200}\b(are|is) (blocked|not allowed)|\bkey is not (authorized|allowed|permitted) to\b",
    re.I,
)
# Members that only an answer has; "choices" may be there and hold nothing.
_ANSWERS = (
    "candidates",
    "usageMetadata",
    "promptFeedback",
    "output",
    "delta",
    "content_block",
    "generated_text",
)
# What storage and gateways that answer in XML say it in.
_XML_WORDS = re.compile(
    r"<(?:\w+:)?(message|faultstring|detail|description|reason|text)\b[^>]*>([^<]+)<", re.I
)
_EVENTS = ("message", "content_block", "response.", "ping")
_FOR_TERMINALS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What stands before an error that is written down as text, or as an event of a stream.
_BEFORE_JSON = re.compile(r"(?:(?:event|id|retry):[^\n]*\n)*(?:data|error)\s*:\s*(?=[{\[])", re.I)
# The names of members, in small letters and without underscores.
_MESSAGES = (
    "message",
    "msg",
    "statusmsg",
    "errormsg",
    "errormessage",
    "errmsg",
    "retmsg",
    "faultstring",
    "errordescription",
    "detail",
    "reason",
    "title",
    "description",
)
_CODES = ("code", "statuscode", "errorcode", "errcode", "retcode", "errno", "status")
_TYPES = ("type", "__type", "exception")
# What an error stands in.
_INSIDE = ("error", "err", "detail", "errors", "baseresp", "fault", "response", "header", "data", "result")
_GOOD_CODES = frozenset({"", "0", "200", "ok", "success", "true", "200000", "10000", "completed", "done"})
# Words in the place of an error that there is not.
_NO_ERRORS = frozenset({"", "null", "none", "nil", "ok", "success", "no error", "false", "undefined"})


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """The members that most vendors' errors have; every one may be empty."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""


def speaks_of_key(message: str) -> bool:
    """Whether the words of a 403 are about who asks; without words it is."""
    return not message.strip() or _ABOUT_KEY.search(message) is not None or lacks_right(message)


def refuses_key(message: str) -> bool:
    """Whether words say of the key itself that it is not taken, whatever the status is."""
    return _KEY_REFUSED.search(message) is not None


def lacks_right(message: str) -> bool:
    """Whether words say of a key that it is known, and may not do this, or not from here."""
    return _LACKS_RIGHT.search(message) is not None


def key_refused(title: str, message: str) -> str:
    """Return the sentence for a key that a vendor, called `title`, refused with these words."""
    if lacks_right(message):
        return f"This {title} key lacks a right for this. Give it the right at {title}, or use another key."
    return f"{title} refused the API key. Check it in the settings."


def read_body(body: bytes) -> Any:
    """Return an error body as JSON or text; of XML the words in it. HTML is nobody's words, and empty."""
    text = text_of(narrowed(body)).lstrip("\ufeff").strip()
    try:
        before = _BEFORE_JSON.match(text)
        return read_lenient(text[before.end() :] if before else text)
    except ValueError:
        if not text.startswith("<"):
            return text
        said = _XML_WORDS.search(text)
        return "" if said is None or is_page(body) else html.unescape(said[2]).strip()


def tells_counts(value: Mapping[str, Any]) -> bool:
    """Whether an error tells what was used before it: more than nothing was run, and is charged for."""
    places = (value, as_mapping(value.get("response")), as_mapping(value.get("error")))
    used = [as_mapping(place.get("usage")) for place in places]
    return any(as_count(count) for usage in used for count in usage.values())


def tells_error(value: Mapping[str, Any], name: str | None = None) -> bool:
    """Whether an object of an answer, an event called `name`, is an error, in any of the ways that servers tell one."""
    told = _in_small(value)
    kind = told.get("type") or name
    if _is_told(told.get("error")) or kind in ("error", "response.failed") or told.get("object") == "error":
        return True
    if told.get("object") == "response" and told.get("status") == "failed":
        return True
    if not _is_good(as_mapping(_in_small(told.get("baseresp"))).get("statuscode")):
        return True
    choices = as_list(told.get("choices"))
    if any(_is_told(as_mapping(choice).get("error")) for choice in choices):
        return True
    if as_text(told.get("type")).startswith(_EVENTS) or choices or any(map(value.__contains__, _ANSWERS)):
        return False
    if any(told.get(word) is False for word in ("success", "ok")) or told.get("fault"):
        return True
    if any(_wraps_error(told.get(word)) for word in ("data", "result", "header")):
        return True
    said = bool(told.get("errors")) or any(_word(told.get(word)) for word in _MESSAGES)
    codes = [told[word] for word in _CODES if word in told]
    # An empty list of choices is part of many answers, and an error only where a code says so.
    certain = told.get("choices") is None and not codes
    return said and (certain or not all(map(_is_good, codes)))


def fields_of(value: Any) -> ErrorFields:
    """Return the fields of an error, as JSON or text.

    Takes `{error: {…}}`, `{error: "…", code: "…"}`, `{detail: …}`, `{message: …}`, a bare string, or a list of these,
    with the names spelled as servers of any sort spell them.
    """
    if isinstance(value, str):
        return ErrorFields(message=_shown(value))
    if isinstance(value, list):
        if all(isinstance(each, str) for each in value):
            return ErrorFields(message=_shown(" ".join(value)))
        return fields_of(value[0])
    if not isinstance(value, Mapping):
        return ErrorFields()
    told = _in_small(value)
    for member in _INSIDE:
        inner = told.get(member)
        if member == "detail" and not isinstance(inner, str) and _first(told, _MESSAGES):
            # What a gateway adds to what it says.
            continue
        if isinstance(inner, Mapping) or (isinstance(inner, list) and inner):
            found = fields_of(inner)
            if found.message or found.code or found.type or member == "error":
                return found
        elif member == "error" and _word(inner) and _first(told, _MESSAGES):
            # The name of an error, beside what it says.
            return ErrorFields(_shown(_words(told)), _word(inner), _first(told, _CODES))
        elif isinstance(inner, str) and inner and member in ("error", "err", "detail"):
            return ErrorFields(_shown(inner), _first(told, _TYPES), _first(told, _CODES))
    for choice in as_list(told.get("choices")):
        if as_mapping(choice).get("error"):
            return fields_of(choice)
    return ErrorFields(
        _shown(_words(told)),
        _first(told, _TYPES),
        _first(told, _CODES),
        _word(told.get("param")),
    )


def _shown(words: str) -> str:
    """Words of a server as they may stand in a sentence: without what only a terminal understands, and bounded."""
    return whole_text(_FOR_TERMINALS.sub("", words).strip())[:LONGEST_MESSAGE]


def _words(told: Mapping[str, Any]) -> str:
    """What the error says: a gateway's own words, and behind them those of whom it asked, which it passes on."""
    words = _passed_on(_first(told, _MESSAGES)) or _in_parts(told)
    place = [str(each) for each in as_list(told.get("loc")) if each != "body"]
    words = f"{'.'.join(place)}: {words}" if words and place else words
    upstream = _passed_on(_in_small(told.get("metadata")).get("raw"))
    return f"{words}: {upstream}" if words and upstream and upstream not in words else words or upstream


def _in_parts(told: Mapping[str, Any]) -> str:
    """The words of an error that are a list, or stand by language or by field; with the place in the request."""
    for member in (*_MESSAGES, "errors"):
        parts = told.get(member)
        if isinstance(parts, Mapping) and parts:
            inside = fields_of(parts).message
            if inside:
                return inside
            said = {
                name: each[0] if isinstance(each, list) and each else each for name, each in parts.items()
            }
            return "; ".join(f"{name}: {_word(each)}" for name, each in said.items() if _word(each))
        if isinstance(parts, list) and parts:
            return fields_of(parts).message
    return _word(told.get("error"))


def _passed_on(value: Any) -> str:
    """The words of an error that stands as JSON in a text, or the text."""
    if isinstance(value, Mapping):
        return fields_of(value).message
    text = _word(value)
    start = text.lstrip()
    if not start.startswith(("{", "[{")) or len(text) > MOST_NESTED:
        return text
    try:
        return fields_of(read_lenient(start)).message or text
    except (ValueError, RecursionError):
        return text


def _in_small(value: Any) -> Mapping[str, Any]:
    """The members by their names in small letters and without underscores; the first of several holds."""
    found: dict[str, Any] = {}
    for name, each in as_mapping(value).items():
        small = name.lower()
        found.setdefault(small if small.startswith("__") else small.replace("_", "").replace("-", ""), each)
    return found


def _is_told(error: Any) -> bool:
    """Whether a member `error` tells one. Beside an answer it may say that there is none: no words, and good codes."""
    if isinstance(error, str):
        return error.strip().lower() not in _NO_ERRORS
    told = _in_small(error)
    if not told or not isinstance(error, Mapping):
        return bool(error)
    words = any(_first(told, (word,)).strip().lower() not in _NO_ERRORS for word in (*_MESSAGES, *_TYPES))
    nested = any(isinstance(each, Mapping | list) and each for each in told.values())
    return words or nested or not all(_is_good(told.get(word)) for word in _CODES)


def _wraps_error(value: Any) -> bool:
    told = _in_small(value)
    return (
        bool(told) and "choices" not in told and (bool(told.get("error")) or not _is_good(told.get("code")))
    )


def _is_good(code: Any) -> bool:
    return _word(code).lower() in _GOOD_CODES


def _first(told: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(filter(None, (_word(told.get(word)) for word in names)), "")


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
