"""What the person set about the way out: a proxy and a file of certificates of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """The address of a proxy, and the path of a file of certificates. None: what the machine says."""

    proxy: str | None = None
    ca_file: str | None = None


# Asked for each request, because settings change while the process runs.
Options = Callable[[], Awaitable[NetworkOptions]]


async def machine_options() -> NetworkOptions:
    """Nothing of the person's own: the environment and the system decide."""
    return NetworkOptions()
