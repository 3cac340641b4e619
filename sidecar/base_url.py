"""The address of a server as people write and paste it, cut into what each request needs of it (pure)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

_BLANK = " \t\r\n\f\v\u00a0\u200b\u200e\u2060\ufeff"
_QUOTES = "\"'`“”‘’<>"


class BadBaseUrl(ValueError):
    """What is no base URL. The text says what it must be, as the end of a sentence, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """`address` is what paths are put behind; `query` goes behind the path of every request, `login` into a header.

    `login` is the value of an `Authorization` header, None where the address has no login.
    """

    address: str
    query: str = ""
    login: str | None = field(default=None, repr=False)


def read_base_url(text: str) -> BaseUrl:
    """Return what a person meant: quotes and blanks around it are taken off, a login becomes Basic authentication.

    Raise BadBaseUrl for what is no address of a web server, and for a fragment, which no server ever sees.
    """
    parts, port = _split(text.strip(_BLANK).strip(_QUOTES).strip(_BLANK))
    if parts.scheme.lower() not in ("http", "https"):
        raise BadBaseUrl("must begin with http:// or https://")
    host = parts.hostname
    if not host or not re.fullmatch(r"[^\s/\\@?#<>\"']+", host):
        raise BadBaseUrl("must name a server behind http:// or https://")
    if parts.fragment:
        raise BadBaseUrl("must not have a # with something behind it: no server sees that")
    if re.search(r"\s", parts.path + parts.query):
        raise BadBaseUrl("must not have blanks in it")
    shown = f"[{host}]" if ":" in host else host
    where = shown if port is None else f"{shown}:{port}"
    return BaseUrl(f"{parts.scheme.lower()}://{where}{parts.path.rstrip('/')}", parts.query, _login(parts))


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError:
        raise BadBaseUrl("must have a number from 1 to 65535 as its port, if it has one") from None


def _login(parts: SplitResult) -> str | None:
    if parts.username is None and parts.password is None:
        return None
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(login.encode("utf-8")).decode("ascii")
