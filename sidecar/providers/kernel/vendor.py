"""Who is asked, as data: how sentences call it, which header carries its key, what its errors mean (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sidecar.contract.providers import PROVIDERS
from sidecar.errors import Failure
from sidecar.known_secrets import KnownSecrets


@dataclass(frozen=True, slots=True)
class VendorError:
    """What a vendor means by an error.

    `kind` is one of the contract's. `status` is the HTTP status that the error has or stands for. `said` are the
    vendor's own words, `codes` its own codes. `spent` is what does not come back by waiting a minute: the credit, or
    a quota of the day. `hint_ms` is how long to wait, as the error itself tells it. `missing` is an error about a
    name that the vendor does not know. `advice` is what to do next where this vendor's case wants more than the usual.
    """

    kind: str
    status: int
    said: str = ""
    codes: str = ""
    spent: Literal["credit", "quota"] | None = None
    hint_ms: int | None = None
    missing: bool = False
    advice: str = ""


Classify = Callable[[int | None, Any], VendorError]
"""The HTTP status, None inside a stream or a batch, and the error as JSON or text -> what the vendor means by it."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """The facts of one vendor's API.

    The key goes into `key_header`, after the word `key_scheme` where there is one. `headers`
    go with every request. `reset_ms` reads from a 429's headers, and the time now, how long to wait, where
    the vendor has its own way to say it.
    """

    title: str
    classify: Classify
    key_header: str = "authorization"
    key_scheme: str = "Bearer"
    headers: Mapping[str, str] = field(default_factory=dict)
    reset_ms: Callable[[Mapping[str, str], int], int | None] = lambda headers, now_ms: None


def built_in(
    name: str,
    classify: Classify,
    *,
    headers: Mapping[str, str] | None = None,
    reset_ms: Callable[[Mapping[str, str], int], int | None] = lambda headers, now_ms: None,
) -> Vendor:
    """Return the vendor of that name, called and keyed as its row of schemas/providers.json says."""
    facts = next(facts for facts in PROVIDERS if facts.name == name)
    return Vendor(facts.title, classify, facts.key_header, facts.key_scheme, headers or {}, reset_ms)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which vendor was asked, under which name, for which model.

    `secrets` are taken out of the vendor's words; the `key` is one of them.
    """

    vendor: Vendor
    provider: str
    model: str | None
    key: str
    secrets: KnownSecrets = field(default_factory=KnownSecrets, compare=False)

    def __post_init__(self) -> None:
        self.secrets.learn(self.key)

    @property
    def title(self) -> str:
        """What sentences call the vendor."""
        return self.vendor.title

    def named(self, failure: Failure) -> Failure:
        """Return the failure, with who was asked where it does not say so yet."""
        failure.provider = failure.provider or self.provider
        failure.model = failure.model or self.model
        return failure


def authorization(asked: Asked) -> dict[str, str]:
    """Return the headers of every request: the key in its own, since a URL would be in every log on the way.

    Raises Failure("invalid_api_key") for a key that can be no header.
    """
    vendor, key = asked.vendor, asked.key
    if not (key.isascii() and key.isprintable()):
        raise Failure(
            "invalid_api_key",
            f"The {vendor.title} API key holds characters that no key has. Paste it again in the settings.",
            provider=asked.provider,
        )
    value = f"{vendor.key_scheme} {key}" if vendor.key_scheme else key
    return {**vendor.headers, **({vendor.key_header: value} if key else {})}
