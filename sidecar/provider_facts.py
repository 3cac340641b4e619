"""What is known of a built-in provider beside its protocol: the type of the rows in contract/providers.py (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A row of schemas/providers.json. `base_url` ends where the vendor's own client's does.

    The key goes into `key_header`, after the word `key_scheme` where there is one. `key_patterns` are regular
    expressions of what its keys look like. Batches end within `batch_hours`; None where the vendor promises nothing.
    """

    name: str
    title: str
    base_url: str
    base_url_variable: str
    key_variables: tuple[str, ...]
    key_header: str
    key_scheme: str
    key_patterns: tuple[str, ...]
    simulated_key: str
    has_batches: bool
    batch_hours: int | None
    shown_in_settings: bool
