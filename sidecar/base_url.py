"""The address of a server as people write and paste it, cut into what each request needs of it (pure)."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

_BLANK = " \t\r\n\f\v\u00a0\u200b\u200e\u2060\ufeff"
_QUOTES = "\"'`“”‘’<>"
_NOBODY = "must name a server behind http:// or https://"
# What people paste with the address: the whole place of a question or a list, in any protocol.
_ENDPOINT = re.compile(
    r"(?:/chat/completions|/completions|/responses|/embeddings|/messages|/complete|/models(?:/[^/]*:\w+)?"
    r"|/api/(?:chat|generate|tags|embed|v0/models|v0))+$",
    re.IGNORECASE,
)
# What servers say they listen at: every address of their machine, of which one asks its own.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


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
    """Return what a person meant: quotes and blanks around it are taken off, and the endpoint behind it.

    A login becomes Basic authentication.

    Raise BadBaseUrl for what is no address of a web server, and for a fragment, which no server ever sees.
    """
    parts, port = _split(_with_scheme(_unwrapped(text)))
    if parts.scheme.lower() not in ("http", "https"):
        raise BadBaseUrl("must begin with http:// or https://")
    host = parts.hostname
    if not host or not re.fullmatch(r"[^\s/\\@?#<>\"'%]+(?:%[^\s/\\@?#<>\"']+)?", host):
        raise BadBaseUrl(_NOBODY)
    if not is_host(host):
        raise BadBaseUrl("must name a server by a name that there can be: letters, digits, dots and hyphens")
    if parts.fragment:
        raise BadBaseUrl("must not have a # with something behind it: no server sees that")
    if re.search(r"[\s\x00-\x1f\x7f]", parts.path + parts.query):
        raise BadBaseUrl("must not have blanks in it")
    host = _EVERYWHERE.get(host, host)
    shown = f"[{host.replace('%25', '%', 1)}]" if ":" in host else host
    where = shown if port is None else f"{shown}:{port}"
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    return BaseUrl(f"{parts.scheme.lower()}://{where}{path}", parts.query, _login(parts))


def is_host(host: str) -> bool:
    """Whether there can be a server of that name, in letters of any language, or with that number."""
    if ":" in host:
        try:
            return ipaddress.ip_address(host.partition("%")[0]).version == 6
        except ValueError:
            return False
    name = host.removesuffix(".")
    if re.fullmatch(r"\d+|0x[\da-f]*", name.rpartition(".")[2], re.IGNORECASE):
        # Only the usual form of a number: others are read by each program in its own way.
        return _is_number(name)
    if name.isascii() and "xn--" not in name.lower():
        return len(name) <= 253 and all(
            re.fullmatch(r"(?!-)[\w-]{1,63}(?<!-)", each) for each in name.split(".")
        )
    import idna

    try:
        idna.encode(name, uts46=True)
        return bool(idna.decode(name, uts46=True))
    except UnicodeError:
        return False


def _is_number(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).version == 4
    except ValueError:
        return False


def _unwrapped(text: str) -> str:
    """The address without what was pasted with it: quotes, a name in front, a comma behind, its beginning twice."""
    while True:
        bare = text.strip(_BLANK).strip(_QUOTES).rstrip(",;.\\")
        # A link of Markdown, of which the address counts.
        bare = re.sub(r"^\[[^\]]*\]\((https?:[^()\s]+)\)$", r"\1", bare)
        bare = re.sub(r"^(?:export\s+)?[A-Za-z_]\w*\s*=\s*(?=[\"'`]?https?:)", "", bare)
        if bare == text:
            break
        text = bare
    text = re.sub(r"^(?:https?:[/\\]+)+(?=https?:?[/\\]{2}|https?:[/\\])", "", text, flags=re.IGNORECASE)
    text = re.sub(r"^(https?)(?=//)", r"\1:", text, flags=re.IGNORECASE)
    found = re.match(r"https?:[/\\]{3,}([^/\\?#]*)", text, re.IGNORECASE)
    if found and not re.search(r"[.:@]|^localhost$", found[1], re.IGNORECASE):
        # Where the server should stand there is nothing, and what follows is a path.
        raise BadBaseUrl(_NOBODY)
    return re.sub(r"^(https?):[/\\]*(?=[^/\\])", r"\1://", text, flags=re.IGNORECASE)


def _with_scheme(text: str) -> str:
    """An address without its beginning, where there is no doubt: a port, or a name of the web."""
    found = re.fullmatch(r"(?P<host>[\w.-]+|\[[\da-fA-F:]+\])(?P<port>:\d+)?(?P<rest>[/?].*)?", text)
    if found is None or not (found["port"] or "." in found["host"]):
        return text
    host = found["host"].strip("[]").lower()
    near = host == "localhost" or "." not in host or _is_near(host)
    return f"{'http' if near else 'https'}://{text}"


def _is_near(host: str) -> bool:
    """Whether a number is of this machine or a private network, where servers mostly speak plain http."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local


def _split(text: str) -> tuple[SplitResult, int | None]:
    where = re.split(r"[/\\?#]", text.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    if not re.fullmatch(
        r"[^\[\]:]*(?::[^:]*)?|\[[\da-f:.]+(?:%[^\]]+)?\](?::.*)?|[^:\[\]]+(?::[^:]*)+", where, re.I
    ):
        raise BadBaseUrl(
            "must have a number with colons (IPv6) in square brackets, as in http://[::1]:8080/v1"
        )
    try:
        parts = urlsplit(text)
        if parts.port == 0:
            raise ValueError
        return parts, parts.port
    except ValueError:
        raise BadBaseUrl("must have a number from 1 to 65535 as its port, if it has one") from None


def _login(parts: SplitResult) -> str | None:
    if parts.username is None and parts.password is None:
        return None
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(login.encode("utf-8")).decode("ascii")
