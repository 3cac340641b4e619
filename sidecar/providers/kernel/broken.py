"""What a connection that could not be made, or did not last, means for a request."""

from __future__ import annotations

import re
import socket
import ssl
import sys
from collections.abc import Iterator
from types import ModuleType
from urllib.parse import urlsplit

from sidecar.errors import Failure
from sidecar.known_secrets import KnownSecrets
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.proxies import is_loopback
from sidecar.providers.kernel.sites import is_private
from sidecar.providers.kernel.web_pages import certificate_wanted
from sidecar.shortages import lacks_files

# What TLS meets where a server speaks plain text.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})
# What it meets where a server knows only versions or ciphers that nobody trusts any more.
_NO_COMMON_TLS = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "NO_PROTOCOLS_AVAILABLE",
        "NO_SHARED_CIPHER",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    }
)
# What a server says that wants to know who asks by a certificate, behind the handshake with TLS 1.3.
_WANTS_CERTIFICATE = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_NO_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_ACCESS_DENIED",
    }
)
_REASON = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")


def _aiohttp() -> ModuleType | None:
    """The library where it is loaded; while another thread loads it nothing of it can have been raised."""
    module = sys.modules.get("aiohttp")
    return module if hasattr(module, "ClientError") and hasattr(module, "ClientSession") else None


def never_left(error: Exception) -> bool:
    """Whether it is certain that the request was not sent.

    The adapter calls a connection that broke after sending `ConnectTimeout`; aiohttp's own exception,
    which is the cause, tells the truth.
    """
    import httpx

    aiohttp = _aiohttp()
    if aiohttp is not None and isinstance(error.__cause__, aiohttp.ClientError):
        unsent = (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
            aiohttp.InvalidURL,
        )
        cause = error.__cause__
        return isinstance(cause, unsent) or _unwritten(cause) or is_unmade_tunnel(cause)
    never = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    )
    return isinstance(error, (*never, httpx.InvalidURL))


def is_unmade_tunnel(error: BaseException | None) -> bool:
    """Whether a tunnel behind a proxy that speaks TLS was closed before it was one."""
    return error is not None and "Cannot initialize a TLS-in-TLS connection" in str(error)


def _unwritten(error: BaseException) -> bool:
    """Whether a piece of the request met a connection that was closed already: what was never whole is not run.

    One that breaks later, also while a written piece drains, may have delivered all of it.
    """
    import aiohttp

    met: BaseException | None = error
    while met is not None and not isinstance(met, aiohttp.ClientConnectionResetError):
        met = met.__cause__
    return met is not None and str(met) == "Cannot write to closing transport"


def broken(
    error: Exception, method: str, peer: str, secrets: KnownSecrets, *, sent: bool, url: str = ""
) -> Failure:
    """The failure for a connection that could not be made or did not last. Anything else is a bug: raised as it is.

    A note of the error is the proxy that was asked.
    """
    failure = _broken(error, method, peer, secrets, sent=sent, url=url)
    _by_proxy(failure, next(iter(getattr(error, "__notes__", ())), None))
    return failure


def _broken(
    error: Exception, method: str, peer: str, secrets: KnownSecrets, *, sent: bool, url: str
) -> Failure:
    import httpx

    aiohttp = _aiohttp()
    known: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.InvalidURL, OSError)
    if not isinstance(error, (*known, aiohttp.ClientError) if aiohttp is not None else known):
        raise error
    # A URL may carry more than its address; nothing after a question mark is repeated.
    detail = secrets.hide(f"{type(error).__name__}: {error}".split("?")[0])[:300]
    late = timed_out(error)
    kind = "timeout" if late else "provider_unavailable"
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return Failure(
            kind, f"The base URL of the {peer} API is not a web address. Correct it.", detail=detail
        )
    unspoken = _unspoken(error)
    if unspoken:
        return Failure(
            kind,
            f"What answers at the address of the {peer} API {unspoken}. Check the base URL: http:// or https://, and "
            "the port. Nothing was run.",
            retryable=False,
            detail=detail,
        )
    if _reasons(error) & _WANTS_CERTIFICATE:
        return certificate_wanted(peer, detail)
    untrusted = _untrusted(error)
    if untrusted is not None:
        from sidecar.providers.kernel import certificates

        return certificates.refusal(untrusted, peer)
    if not sent:
        message = f"Could not connect to the {peer} API. {_to_check(error, url, late)} and try again."
        return Failure(kind, message, retryable=True, detail=detail)
    told = "did not answer in time" if late else _broken_how(error)
    if method == "GET":
        return Failure(kind, f"The {peer} API {told}. Try again.", retryable=True, detail=detail)
    unknown = OutcomeUnknown(
        kind, f"The {peer} API {told}. It may have charged for the request; try again.", detail=detail
    )
    unknown.broke_off = True
    return unknown


def page_on_the_way(failure: Failure, status: int, proxy: str | None) -> None:
    """Say who may have written this page or redirect, and whether whatever is asked next meets it too.

    One for 4xx may be about this question alone: a filter that blocks its words, a bound on its size.
    """
    _by_proxy(failure, proxy)
    failure.out_of_reach = not 400 <= status < 500


def _by_proxy(failure: Failure, proxy: str | None) -> None:
    """Say which proxy lies on the way of what failed, if one does: it may be what is to be mended."""
    if proxy:
        failure.message += f" It was asked by way of the proxy {proxy}."


def _broken_how(error: Exception) -> str:
    """What the server did: it went away, or wrote what is no HTTP, which is for whoever runs it to mend."""
    aiohttp = _aiohttp()
    if aiohttp is not None and any(
        isinstance(each, aiohttp.ClientResponseError) for each in (error, error.__cause__)
    ):
        return "answered with what is no proper HTTP, which whoever runs it can mend"
    return "broke the connection before its answer was complete"


def _to_check(error: Exception, url: str, late: bool) -> str:
    """What a person can look at where no connection was made; whoever is late took it and says nothing."""
    parts = urlsplit(url)
    where, near = parts.netloc.rpartition("@")[2], is_loopback(parts.hostname or "")
    if any(map(lacks_files, _behind(error))):
        return "The system lets A-B/AI open no more files. Close other programs, or raise its limit (`ulimit -n`),"
    if any(isinstance(each, socket.gaierror) for each in _behind(error)):
        return f"The name {parts.hostname} was not found. Check the internet connection, or the base URL,"
    if late:
        spoken = (
            "It speaks no https://, or hangs: start it anew, or correct the base URL"
            if near
            else ("Check the internet connection, and whether a firewall or a VPN is in the way")
        )
        return f"{where} was silent. {spoken},"
    ends = (ConnectionResetError, ssl.SSLError)
    if url.startswith("https:") and any(isinstance(each, ends) for each in _behind(error)):
        return (
            f"{where} ends the connection before it is encrypted. Look whether it speaks https:// there, and whether "
            "a firewall or a proxy is in the way,"
        )
    if near:
        return f"Nothing answers at {where}: start the server there, or correct the port"
    if is_private(parts.hostname or ""):
        return f"Nothing answers at {where}: start the server there, or look whether this computer is in its network,"
    return "Check the internet connection"


def _unspoken(error: Exception) -> str:
    """What the other side does not speak; empty where it does."""
    aiohttp = _aiohttp()
    if aiohttp is not None:
        for each in (error, error.__cause__):
            if isinstance(each, aiohttp.ClientResponseError) and _is_no_head(each.message):
                return "is no web server, or expects https://"
    reasons = _reasons(error)
    if reasons & _NO_TLS:
        return "does not speak https://"
    if reasons & _NO_COMMON_TLS:
        return (
            "speaks no https:// of today, or wants a certificate of this computer's: whoever runs it can allow TLS 1.2 "
            "or 1.3 there, and an API key alone"
        )
    return ""


def _reasons(error: Exception) -> set[str]:
    """Why TLS failed, in OpenSSL's words; aiohttp's own exceptions repeat them, and have no reason of their own."""
    told = {str(getattr(each, "reason", "")) for each in _behind(error) if isinstance(each, ssl.SSLError)}
    return told | {found for each in _behind(error) for found in _REASON.findall(str(each))}


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    behind: BaseException | None = error
    while behind is not None:
        yield behind
        behind = behind.__cause__ or behind.__context__


def _is_no_head(message: str) -> bool:
    """Whether the library met no web server: what it shows of it does not begin as an answer of one does."""
    quoted = message.partition("b'")[2] or message.partition('b"')[2]
    # What begins with an answer's body is one without a head, which may have been paid for.
    return "Bad status line" in message and not quoted.upper().startswith(("HTTP", "{", "DATA:", "EVENT:"))


def timed_out(error: Exception) -> bool:
    import httpx

    aiohttp = _aiohttp()
    if aiohttp is not None and isinstance(error.__cause__, aiohttp.ClientError):
        return isinstance(error.__cause__, aiohttp.ServerTimeoutError)
    return isinstance(error, (httpx.TimeoutException, TimeoutError))


def _untrusted(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The refused certificate behind an error, if one is: it does not become valid by asking again."""
    for each in _behind(error):
        # aiohttp's own exception is one too, and knows nothing of the certificate; what it came from does.
        if isinstance(each, ssl.SSLCertVerificationError) and hasattr(each, "verify_code"):
            return each
    return None
