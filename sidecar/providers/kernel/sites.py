"""What goes with every request to an address: the query and the login of its base URL, and whether a secret may.

A secret never travels over plain http to a host outside this machine and its private network, unless the person says
so by name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from sidecar.base_url import BaseUrl
from sidecar.contract.providers import PROVIDERS
from sidecar.errors import Failure
from sidecar.providers.kernel.proxies import is_loopback

SECRET_HEADERS = frozenset({"authorization", "api-key", "cookie", *(facts.key_header for facts in PROVIDERS)})
# Names that only a private network gives, and carriers' and overlay networks' own addresses.
PRIVATE_ENDINGS = (".local", ".lan", ".internal", ".intranet", ".home.arpa", ".localdomain", ".corp", ".home")
SHARED_NETWORK = ipaddress.ip_network("100.64.0.0/10")


@dataclass(frozen=True, slots=True)
class Site:
    """A base URL, and whether secrets may go there over plain http: the `allowHttp` of the person's models.json."""

    base: BaseUrl
    allow_http: bool = False


class Sites:
    """The base URLs of a run. Of two that begin alike the longer one holds."""

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}

    def add(self, site: Site) -> None:
        """Know a base URL from now on; the last word about an address holds."""
        self._sites[site.base.address] = site

    def completed(self, url: str, headers: Mapping[str, str], peer: str) -> tuple[str, dict[str, str]]:
        """Return the address and the headers that go out. Raise Failure for a secret that would travel in the open."""
        site = self._site_of(url)
        told = dict(headers)
        if site is not None:
            if site.base.query:
                url += ("&" if "?" in url else "?") + site.base.query
            if site.base.login:
                told = {name: value for name, value in told.items() if name.lower() != "authorization"}
                told["authorization"] = site.base.login
        secret = any(name.lower() in SECRET_HEADERS for name in told)
        if secret and not (site and site.allow_http) and _in_the_open(url):
            raise Failure(
                "provider_unavailable",
                f"The base URL of the {peer} API is plain http:// at a host outside this network, where others on "
                'the way could read the key. Use https://, or write "allowHttp": true beside the baseUrl in '
                "models.json. Nothing was sent.",
                retryable=False,
            )
        return url, told

    def _site_of(self, url: str) -> Site | None:
        # A host may be a part of another's name, a path of another path.
        fitting = [each for each in self._sites if url == each or url.startswith((f"{each}/", f"{each}?"))]
        origin = [each for each in self._sites if _origin(each) == _origin(url)]
        found = max(fitting, key=len, default=None) or min(origin, key=len, default=None)
        return None if found is None else self._sites[found]


@lru_cache(maxsize=256)
def is_private(host: str) -> bool:
    """Whether a host is this machine, or certainly in its own network."""
    name = host.lower().strip("[]").rstrip(".")
    if is_loopback(name):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return "." not in name or name.endswith(PRIVATE_ENDINGS)
    return address.is_private or address.is_link_local or address in SHARED_NETWORK


def _in_the_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_private(parts.hostname or "")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
