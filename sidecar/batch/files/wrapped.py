"""Rows that another form is put around: one text of JSON, base64, a `data:` address, a fence of Markdown (pure).

A service that hands out a file through an API leaves it so, and a model that was asked for a table puts fences around.
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
# Few words may stand above it.
_FENCED = re.compile(r"\ufeff?((?:.{0,500}\n){0,8}?)[ \t]*(`{3,}|~{3,})[ \t]*[\w+.-]*[ \t]*\r?\n")


def may_be(head: str) -> bool:
    """Whether a text that begins so may hold its rows in such a form."""
    return bool(_JSON_TEXT.match(head) or _DATA.match(head) or _FENCED.match(head)) or _is_base64(head)


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
    if fence := _FENCED.match(text):
        return _fenced(text, fence, is_rows)
    found = _decoded(text.strip("\ufeff \t\r\n")) if _is_base64(text[:4096]) else None
    if found is None or not is_rows(found[:4096].decode("utf-8", "replace")):
        return None
    return found, "base64"


def _fenced(text: str, fence: re.Match[str], is_rows: Callable[[str], bool]) -> tuple[bytes, str] | None:
    """The rows between the fence and its end, which may be lacking; None for a fence in a prompt."""
    within = text[fence.end() :]
    if not is_rows(within[:4096]) or any(map(is_rows, fence[1].splitlines())):
        return None
    end = re.search(rf"^[ \t]*{re.escape(fence[2])}", within, re.MULTILINE)
    rows = within[: end.start()] if end else within
    return rows.encode("utf-8", "replace"), "the first block of code; what stands around it is not read"


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
