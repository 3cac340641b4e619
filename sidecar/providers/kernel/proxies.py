"""By which proxy an address is reached, from the variables that people and companies set (pure).

The variables are those of curl and Python: `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`, in lower or upper
case, lower case first. Whatever is set and cannot be used is refused with a sentence, never passed by.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from urllib.parse import unquote, urlsplit

from sidecar.errors import Failure

SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
DEFAULT_PORTS = {"http": 80, "https": 443}
# What people write in the place of an address where they want none.
_NO_PROXIES = frozenset({"direct", "none", "off", "disabled"})
# What a script (PAC) would answer, and people copy out of one.
_OF_SCRIPT = re.compile(r"(PROXY|HTTPS?|SOCKS[45]?)\s+([^\s;]+)\s*(?:;.*)?", re.IGNORECASE)
# The beginning of addresses, without its last dot.
_BEGINNING = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that can be used. `shown` is its address without the login, for sentences; `named_by` says who set it."""

    scheme: str
    host: str
    port: int
    named_by: str
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def told(self) -> str:
        """Which one it is, and who set it."""
        return f"{self.shown}, which {self.named_by} names"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")


@dataclass(frozen=True, slots=True)
class ProxyTable:
    """What is set: addresses by the scheme that they are for (`all` for the rest), and who is reached without one.

    Each address is (who named it, its text).
    """

    by_scheme: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exceptions: tuple[str, ...] = ()


def table_of(
    environment: Mapping[str, str], own: str | None = None, system: Mapping[str, str] | None = None
) -> ProxyTable:
    """Return what holds for this process: the person's own setting, else the environment, else the system.

    `system` is what the operating system's settings say, by scheme, `no` being the exceptions.
    """
    found = {}
    for scheme in ("http", "https", "all"):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
            if name in environment:
                # An empty one in lower case takes back the one in upper case.
                if environment[name].strip():
                    found[scheme] = (name, environment[name].strip())
                break
    none = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    if not found and system:
        found = {scheme: ("the system's settings", text) for scheme, text in system.items() if scheme != "no"}
        none = none or system.get("no", "")
    if own and own.strip():
        found = {"all": ("the setting proxy", own.strip())}
    return ProxyTable(found, tuple(map(_exception, filter(None, re.split(r"[,\s;|]+", none)))))


def proxy_for(scheme: str, host: str, port: int | None, table: ProxyTable) -> Proxy | None:
    """Return the proxy for an address, None where it is asked directly. This machine is always asked directly.

    Raise Failure("provider_unavailable") for a proxy that is set and cannot be used.
    """
    named = table.by_scheme.get(scheme) or table.by_scheme.get("all")
    at = port or DEFAULT_PORTS.get(scheme)
    if (
        named is None
        or is_loopback(host)
        or _excepted(host.lower().strip("[]").rstrip("."), at, table.exceptions)
    ):
        return None
    text = _of_list(named[1].strip("\"'"), scheme)
    if text is None or text.lower().removesuffix("://") in _NO_PROXIES:
        return None
    return read_proxy(text, named[0])


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    name = host.lower().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def read_proxy(text: str, named_by: str) -> Proxy:
    """Return the proxy that a text names. Raise Failure("provider_unavailable") with a sentence; no login is in it."""
    text = re.sub(
        r"^(https?):/?(?=[^/])", r"\1://", text.strip().strip("\"'").rstrip(";,"), flags=re.IGNORECASE
    )
    if answered := _OF_SCRIPT.fullmatch(text):
        kind = answered[1].lower()
        text = f"{'http' if kind == 'proxy' else kind}://{answered[2]}"
    address = text if re.match(r"[A-Za-z][\w+.-]*://", text) else f"http://{text}"
    scheme, _, rest = address.partition("://")
    scheme = "socks5" if scheme.lower() == "socks" else scheme.lower()
    if scheme not in SCHEMES:
        raise _unusable(named_by, f"{scheme}:// is no kind of proxy that can be used")
    # Passwords hold whatever they hold; behind the last of these is the host.
    login, _, where = rest.rpartition("@")
    try:
        parts = urlsplit(f"{scheme}://{where}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable(named_by, "its port is no number, or its address is none") from None
    if port == 0:
        raise _unusable(named_by, "no proxy is at port 0")
    if not host or not re.fullmatch(r"[\w.:%-]+", host):
        raise _unusable(named_by, "it names no host")
    if parts.path.strip("/") or parts.query:
        raise _unusable(named_by, "an address with a path is no proxy, and a script (PAC) is not read")
    name, _, password = login.partition(":")
    return Proxy(
        scheme, host, port or DEFAULT_PORTS.get(scheme, 1080), named_by, unquote(name), unquote(password)
    )


def _of_list(text: str, scheme: str) -> str | None:
    """What `http=proxy:3128;https=proxy:3129`, as Windows writes it, says of a scheme; other texts as they are."""
    if not re.fullmatch(r"(?:(?:https?|ftp|socks)=[^;\s]+[;\s]*)+", text, re.IGNORECASE):
        return text
    named = dict(each.split("=", 1) for each in re.split(r"[;\s]+", text.lower()) if each)
    socks = named.get("socks")
    return named.get(scheme) or (f"socks5://{socks.removeprefix('socks5://')}" if socks else None)


def _unusable(named_by: str, why: str) -> Failure:
    return Failure(
        "provider_unavailable",
        f"The proxy that {named_by} names cannot be used: {why}. Correct it, for example to "
        "http://proxy.example:3128, or remove it. Nothing was sent.",
        retryable=False,
    )


def _excepted(host: str, port: int | None, exceptions: tuple[str, ...]) -> bool:
    address = _address(host)
    host = _ascii(host)
    for each in exceptions:
        if each == "*" or (each == "<local>" and address is None and "." not in host):
            return True
        name, at = _host_and_port(each)
        if at is not None and at != port:
            continue
        if "*" in name.removeprefix("*.") and fnmatch(host, name):
            return True
        if address is not None:
            if _holds(name, address):
                return True
        elif host == name.lstrip("*.") or host.endswith("." + name.lstrip("*.")):
            return True
    return False


def _holds(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a network, a range or the beginning of addresses has this one."""
    first, dash, last = name.partition("-")
    begin, end = _address(first.strip()), _address(last.strip())
    if dash and begin is not None and end is not None:
        return begin.version == end.version == address.version and int(begin) <= int(address) <= int(end)
    if _BEGINNING.fullmatch(name):
        return f"{address}".startswith(f"{name}.")
    network = _network(name)
    return network is not None and address.version == network.version and address in network


def _exception(text: str) -> str:
    """An exception as people write it: with quotes, a scheme, a path or a last dot around what counts."""
    bare = re.sub(r"^[a-z][\w+.-]*://", "", text.lower().strip("\"'"))
    host, slash, rest = bare.partition("/")
    return _ascii((bare if slash and rest.replace(".", "").isdigit() else host).rstrip("."))


def _ascii(name: str) -> str:
    """A name as it is asked for, where it has letters of other alphabets."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _host_and_port(text: str) -> tuple[str, int | None]:
    """`host:443`, `[::1]:443` and each without a port; a bare IPv6 address has colons of its own."""
    match = re.fullmatch(r"(\[[^\]]+\]|[^:]+):(\d+)", text)
    name, port = (match[1], int(match[2])) if match else (text, None)
    return name.strip("[]"), port


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
