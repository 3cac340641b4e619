"""Which providers there are: rows of data. A server that speaks a known protocol is a row and nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from sidecar.base_url import BadBaseUrl, BaseUrl, read_base_url
from sidecar.contract.providers import PROVIDERS
from sidecar.errors import Failure
from sidecar.provider_facts import ProviderFacts
from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter
from sidecar.providers.guarded import GuardedBatches, GuardedProvider
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.sites import Site
from sidecar.providers.nicknames import no_such_provider


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One provider. `maker` is `module:function`, imported on first use; None is not served yet.

    `batch_maker` is the same for its batch API, None where it has none; its batches end within `batch_hours`, if
    it says so. `base_url` ends where the vendor's own client's does. The key goes into `key_header`, after the word
    `key_scheme` where there is one. With `allow_http` it may travel over plain http anywhere.
    """

    name: str
    title: str
    maker: str | None
    base_url: str
    key_variables: tuple[str, ...] = ()
    base_url_variable: str | None = None
    key_required: bool = True
    batch_maker: str | None = None
    batch_hours: int | None = None
    key_header: str = "authorization"
    key_scheme: str = "Bearer"
    allow_http: bool = False


def built_in_row(facts: ProviderFacts) -> ProviderRow:
    """The row of a vendor. Its code is found by its name: provider.py and batch.py in its folder."""
    folder = f"sidecar.providers.{facts.name}"
    return ProviderRow(
        name=facts.name,
        title=facts.title,
        maker=f"{folder}.provider:make",
        base_url=facts.base_url,
        key_variables=facts.key_variables,
        base_url_variable=facts.base_url_variable,
        batch_maker=f"{folder}.batch:make" if facts.has_batches else None,
        batch_hours=facts.batch_hours,
        key_header=facts.key_header,
        key_scheme=facts.key_scheme,
    )


BUILT_IN = tuple(built_in_row(facts) for facts in PROVIDERS)


def compatible_row(
    name: str,
    base_url: str,
    *,
    key_required: bool = True,
    key_name: str | None = None,
    title: str = "",
    allow_http: bool = False,
) -> ProviderRow:
    """A row for a server of the user's own. `key_name` is the environment variable that may hold its key."""
    return ProviderRow(
        name=name,
        title=title or name,
        maker="sidecar.providers.compatible.provider:make",
        base_url=base_url,
        key_variables=(key_name or f"{name.upper().replace('-', '_')}_API_KEY",),
        key_required=key_required,
        allow_http=allow_http,
    )


def overlay_row(
    name: str,
    base_url: str,
    *,
    key_required: bool = True,
    key_name: str | None = None,
    title: str = "",
    allow_http: bool = False,
) -> ProviderRow:
    """A row of the user's own file: a built-in provider elsewhere, or a compatible server."""
    own = compatible_row(
        name, base_url, key_required=key_required, key_name=key_name, title=title, allow_http=allow_http
    )
    for row in BUILT_IN:
        if row.name == name:
            variables = own.key_variables if key_name else row.key_variables
            return replace(
                row,
                base_url=base_url,
                key_required=key_required,
                key_variables=variables,
                allow_http=allow_http,
            )
    return own


class OwnServer(Protocol):
    """What the user's own file says of a provider; `models.json`, "providers"."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def key_name(self) -> str | None: ...
    @property
    def key_required(self) -> bool: ...
    @property
    def allow_http(self) -> bool: ...


def own_rows(servers: Mapping[str, OwnServer]) -> list[ProviderRow]:
    """Return a row for each provider of the user's own file."""
    return [
        overlay_row(
            name,
            each.base_url,
            key_required=each.key_required,
            key_name=each.key_name,
            title=each.name,
            allow_http=each.allow_http,
        )
        for name, each in servers.items()
    ]


class Registry:
    """The providers of this run: the built-in rows, with the user's own laid over them.

    A base URL in the environment wins over one in a row.
    """

    def __init__(
        self, http: HttpClient, environment: Mapping[str, str], overlay: Iterable[ProviderRow] = ()
    ) -> None:
        self._http = http
        self._environment = environment
        self._rows: dict[str, ProviderRow] = {}
        self._made: dict[tuple[str, str | None], GuardedProvider] = {}
        self._batches: dict[str, BatchAdapter] = {}
        self._hosts: dict[tuple[str, str | None], str] = {}
        self.lay(overlay)

    def lay(self, overlay: Iterable[ProviderRow]) -> None:
        """Lay these rows over the built-in ones, in place of those before. What is under way goes on as it began."""
        rows = {row.name: row for row in (*BUILT_IN, *overlay)}
        changed = {name for name in rows.keys() | self._rows.keys() if rows.get(name) != self._rows.get(name)}
        self._rows = rows
        for row in rows.values():
            self._http.secrets.learn_address(self.base_url(row.name))
        self._made = {place: made for place, made in self._made.items() if place[0] not in changed}
        self._batches = {name: made for name, made in self._batches.items() if name not in changed}
        self._hosts.clear()

    def visitor(self, name: str, base_url: str) -> GuardedProvider:
        """A server of a person's own that is not among the rows. Raises Failure for an address that is none."""
        try:
            read_base_url(base_url)
        except BadBaseUrl as problem:
            message = f"The address {problem}. Correct it."
            raise Failure(
                "invalid_params", message, issues=[{"path": "baseUrl", "message": message}]
            ) from None
        row = compatible_row(name, base_url)
        provider = cast(Provider, self._make(row, str(row.maker), base_url))
        return GuardedProvider(provider, self._http.secrets)

    def rows(self) -> tuple[ProviderRow, ...]:
        return tuple(self._rows.values())

    def names(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def row(self, name: str) -> ProviderRow:
        """Raises Failure("not_found") for a provider that nobody knows."""
        if name not in self._rows:
            raise Failure("not_found", no_such_provider(name, self._rows), provider=name)
        return self._rows[name]

    def get(self, name: str, base_url: str | None = None) -> GuardedProvider:
        """The provider of that name, made once for each address: its own, or that of a single model.

        Raises Failure("not_found") or Failure("unsupported").
        """
        if (name, base_url) not in self._made:
            row = self.row(name)
            if row.maker is None:
                raise Failure(
                    "unsupported",
                    f"{row.title} is not served yet. Choose a model of another provider.",
                    provider=name,
                )
            provider = cast(Provider, self._make(row, row.maker, base_url))
            self._made[name, base_url] = GuardedProvider(provider, self._http.secrets)
        return self._made[name, base_url]

    def batch(self, name: str) -> BatchAdapter:
        """The provider's batch API, made once. Raises Failure("not_found") or Failure("unsupported")."""
        if name not in self._batches:
            row = self.row(name)
            if row.batch_maker is None:
                able = ", ".join(each.title for each in self._rows.values() if each.batch_maker)
                raise Failure(
                    "unsupported",
                    f"{row.title} has no batch API. Run the batch locally, or choose a model of: {able}.",
                    provider=name,
                )
            adapter = cast(BatchAdapter, self._make(row, row.batch_maker))
            self._batches[name] = GuardedBatches(adapter, self._http.secrets)
        return self._batches[name]

    def host(self, name: str, base_url: str | None = None) -> str:
        """The name of the host that calls go to. Raises Failure("not_found") and for an address that is none."""
        if (name, base_url) not in self._hosts:
            address = self._address(self.row(name), base_url).address
            self._hosts[name, base_url] = urlsplit(address).hostname or ""
        return self._hosts[name, base_url]

    def needs_key(self, name: str) -> bool:
        """Whether calls go nowhere without an API key. Raises Failure("not_found")."""
        return self.row(name).key_required

    def tells_costs(self, name: str) -> bool:
        """Whether what was spent there may be asked for with an admin key. Raises Failure("not_found")."""
        return self.row(name).maker is not None and self.get(name).tells_costs

    def batch_hours(self, name: str) -> int | None:
        """Within how many hours its batches end; None where the vendor promises nothing."""
        return self.row(name).batch_hours

    def base_url(self, name: str) -> str:
        """Where calls go: the environment's word, else the row's."""
        row = self.row(name)
        told = self._environment.get(row.base_url_variable or "", "").strip()
        return told or row.base_url

    def asks_vendor(self, name: str) -> bool:
        """Whether calls go to the vendor's own host, and not to a gateway or a server in its place."""
        try:
            return name in self._rows and _is_vendors(name, self.host(name))
        except Failure:
            return False

    def _make(self, row: ProviderRow, maker: str, base_url: str | None = None) -> Any:
        self._http.secrets.learn_address(base_url or self.base_url(row.name))
        base = self._address(row, base_url)
        self._http.sites.add(Site(base, row.allow_http))
        module, _, function = maker.partition(":")
        return getattr(import_module(module), function)(self._http, row, base.address)

    def _address(self, row: ProviderRow, base_url: str | None) -> BaseUrl:
        try:
            base = read_base_url(base_url or self.base_url(row.name))
        except BadBaseUrl as problem:
            # Those of files were looked at when they were read.
            raise Failure(
                "provider_unavailable",
                f"The base URL in the environment variable {row.base_url_variable} {problem}. Correct or remove it, "
                "then start again.",
                retryable=False,
                provider=row.name,
            ) from None
        parts = urlsplit(base.address)
        if not parts.path and _is_vendors(row.name, parts.hostname or ""):
            # The vendor's own host as people write it; a gateway has its paths where it has them.
            base = replace(base, address=base.address + urlsplit(_vendors_own(row.name)).path)
        return base


def _vendors_own(name: str) -> str:
    """The base URL of a vendor's own API, "" for any other provider."""
    return next((facts.base_url for facts in PROVIDERS if facts.name == name), "")


def _is_vendors(name: str, host: str) -> bool:
    own = urlsplit(_vendors_own(name)).hostname
    return own is not None and (host == own or host.endswith(f".{own}"))
