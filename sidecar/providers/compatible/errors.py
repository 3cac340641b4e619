"""What a compatible server means by an error (pure)."""

from __future__ import annotations

from sidecar.providers.kernel.vendor import Vendor
from sidecar.providers.openai_family.errors import classify


def compatible(title: str) -> Vendor:
    """Return a server that its user calls `title`."""
    return Vendor(title, classify)
