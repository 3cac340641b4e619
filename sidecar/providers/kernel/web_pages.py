"""A web page where an answer should be: nobody's word about a key or a request (pure)."""

from __future__ import annotations

import re

from sidecar.errors import Failure
from sidecar.providers.kernel.charset import narrowed

WEB_PAGE = "a web page"
_PAGE = re.compile(
    rb"<(!--|(!doctype|html|head|body|title|h[1-6]|div|p|center|meta|script|link|table|form|span|font)\b|\?xml\b[^>]*>\s*<(!doctype\s+)?html\b)",
    re.IGNORECASE,
)
# What nginx, and what was modelled on it, says where no certificate came, or none that it takes.
_CERTIFICATE_STATUSES = frozenset({495, 496})
_CERTIFICATE_WORDS = re.compile(
    rb"no required (ssl|client) certificate|<title>400 the ssl certificate error", re.I
)


def is_page(body: bytes) -> bool:
    """Whether the body is a web page, rather than an answer of any API."""
    return _PAGE.match(narrowed(body).removeprefix(b"\xef\xbb\xbf").lstrip()) is not None


def without_comments(body: bytes) -> bytes | None:
    """Return the body behind the comments of HTML that stand before it; None where the last of them has no end.

    Proxies put them before what they pass on, whatever it is.
    """
    rest = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    while rest.startswith(b"<!--"):
        _, end, rest = rest.partition(b"-->")
        if not end:
            return None
        rest = rest.lstrip()
    return rest


def page_instead(peer: str, shown: str = "", *, is_question: bool = False) -> Failure:
    """Return the Failure for a page at the address of that API; `shown` is its status in brackets.

    Of a question it says that nothing was run: what is only looked at, as a batch, may run on.
    """
    return Failure(
        "provider_rejected",
        f"The address of the {peer} API answers with a web page{shown}. Look at the base URL, and at what is between "
        "here and there: a proxy, a login of the network." + (" Nothing was run." if is_question else ""),
        retryable=False,
        detail=WEB_PAGE,
    )


def wants_certificate(status: int, body: bytes) -> bool:
    """Return whether a server, or what stands before it, knows by a certificate who may ask, and got none."""
    return status in _CERTIFICATE_STATUSES or (
        400 <= status < 500 and is_page(body) and _CERTIFICATE_WORDS.search(body) is not None
    )


def certificate_wanted(peer: str, detail: str | None = None) -> Failure:
    """Return the Failure for a server that knows by a certificate who may ask it."""
    return Failure(
        "provider_unavailable",
        f"The server of the {peer} API wants a certificate of this computer's (mutual TLS), and A-B/AI has none to "
        "show. Ask whoever runs it for an address that takes an API key alone. Nothing was run.",
        retryable=False,
        detail=detail,
    )
