"""The providers of a run, as those who ask know them: by their names."""

from __future__ import annotations

from typing import Protocol

from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter


class Providers(Protocol):
    """The providers of this run, by name."""

    def names(self) -> tuple[str, ...]:
        """All of them."""

    def get(self, name: str, base_url: str | None = None) -> Provider:
        """The provider, at `base_url` if one is given. Raises Failure("not_found") or Failure("unsupported")."""

    def batch(self, name: str) -> BatchAdapter:
        """Its batch API. Raises Failure("not_found") or Failure("unsupported")."""

    def batch_hours(self, name: str) -> int | None:
        """Within how many hours its batches end; None where the vendor promises nothing."""

    def host(self, name: str, base_url: str | None = None) -> str:
        """The name of the host that its calls go to. Raises Failure("not_found")."""

    def tells_costs(self, name: str) -> bool:
        """Whether what was spent there may be asked for with an admin key. Raises Failure("not_found")."""

    def needs_key(self, name: str) -> bool:
        """Whether calls go nowhere without an API key."""
