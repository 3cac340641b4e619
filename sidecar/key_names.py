"""Under which name a key is kept: its provider's own, or that with `-admin` for one that only reads charges (pure)."""

from __future__ import annotations

# Keys that only read what was charged, and the variables that may hold them.
ADMIN_KEY_VARIABLES = {
    "openai-admin": ("OPENAI_ADMIN_KEY",),
    "anthropic-admin": ("ANTHROPIC_ADMIN_KEY",),
}
_ADMIN = "-admin"


def admin_key_of(provider: str) -> str:
    """Return the name under which the key is kept that reads what this provider charged."""
    return provider + _ADMIN


def is_admin(name: str) -> bool:
    """Whether the key of that name only reads what was charged."""
    return name.endswith(_ADMIN)


def provider_of(name: str) -> str:
    """Return the provider whose key is kept under that name, of whichever kind."""
    return name.removesuffix(_ADMIN)


def read_by_admin_key(name: str) -> str | None:
    """Return the provider whose charges the key of that name reads; None for the name of another key."""
    return provider_of(name) if is_admin(name) else None
