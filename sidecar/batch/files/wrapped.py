"""Rows that another form is put around: one text of JSON, base64, a `data:` address, the page of a browser. Pure.

A service that hands out a file through an API, or a browser that shows it, leaves it so.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

# All of it is held at once.
MOST_CHARS = 96 * 1024 * 1024
_JSON_TEXT = re.compile(r'\ufeff?\s*"(?:\s|\\+(?:[nrt"]|ufeff))*[\[{]')
_DATA = re.compile(r"\ufeff?\s*data:[\w.+-]+/[\w.+-]+(?:;[\w.=-]+)*,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_SHORTEST = 24


def may_be(head: str) -> bool:
    """Whether a text that begins so may hold its rows in such a form."""
    return bool(_JSON_TEXT.match(head) or _DATA.match(head)) or _is_base64(head)


def inside(text: str, is_rows: Callable[[str], bool]) -> tuple[bytes, str] | None:
    """Return what a text holds, and in which form it does, for a sentence; None where it holds nothing else.

    `is_rows` tells of a beginning whether it is one of rows.
    """
    if _JSON_TEXT.match(text):
        found = _json_text(text)
        return None if found is None else (found, "one text within JSON")
    if address := _DATA.match(text):
        said = text[address.end() :].strip()
        found = _decoded(said) if ";base64," in address[0].lower() else unquote_to_bytes(said)
        return None if found is None else (found, "the address of a page")
    found = _decoded(text.strip("\ufeff \t\r\n")) if _is_base64(text[:4096]) else None
    if found is None or not is_rows(found[:4096].decode("utf-8", "replace")):
        return None
    return found, "base64"


def _json_text(text: str) -> bytes | None:
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return found.encode("utf-8", "replace") if isinstance(found, str) else None


def _is_base64(head: str) -> bool:
    plain = "".join(head.lstrip("\ufeff").split())
    return len(plain) >= _SHORTEST and _BASE64.fullmatch(plain) is not None


def _decoded(text: str) -> bytes | None:
    plain = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
