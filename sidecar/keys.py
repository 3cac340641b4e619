"""API keys: the saved one first, then the environment's; shown masked, never stored in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.errors import Failure


class KeyStore(Protocol):
    """Where saved keys live: the keychain, a file, or memory in mock mode."""

    async def get(self, provider: str) -> str | None: ...

    async def set(self, provider: str, key: str) -> None: ...

    async def delete(self, provider: str) -> None: ...


@dataclass(slots=True)
class MemoryKeys:
    """Saved keys of a run that must not touch the keychain."""

    saved: dict[str, str]

    async def get(self, provider: str) -> str | None:
        return self.saved.get(provider)

    async def set(self, provider: str, key: str) -> None:
        self.saved[provider] = key

    async def delete(self, provider: str) -> None:
        self.saved.pop(provider, None)


class Keys:
    """Answers which key a provider is called with.

    A key that was read once is kept in memory: the renderer asks around every row of a batch, and the
    keychain is slow. Nobody else writes our entries while we run.
    """

    def __init__(
        self, store: KeyStore, environment: Mapping[str, str], variables: Mapping[str, Sequence[str]]
    ) -> None:
        self._store = store
        self._environment = environment
        self._variables = variables
        self._known: dict[str, str | None] = {}

    async def get(self, provider: str) -> str | None:
        """The key for this provider, or None. Raises Failure("storage_error") when the keychain refuses."""
        if provider not in self._known:
            self._known[provider] = await self._store.get(provider)
        return self._known[provider] or self._from_environment(provider)

    async def save(self, provider: str, key: str) -> None:
        """Saves the key, or removes it when it is empty. Raises Failure for what can be no key."""
        key = key.strip()
        if not key:
            await self._store.delete(provider)
        elif key.isascii() and key.isprintable() and " " not in key:
            await self._store.set(provider, key)
        else:
            message = "That does not look like an API key. Paste the key alone, in one line."
            raise Failure("invalid_params", message, issues=[{"path": "value", "message": message}])
        # Read back where it was saved: only then is it known to be there.
        self._known.pop(provider, None)

    def _from_environment(self, provider: str) -> str | None:
        for variable in self._variables.get(provider, ()):
            key = self._environment.get(variable, "").strip()
            if key:
                return key
        return None


def key_mark(key: str, of: str) -> str:
    """Tells whether a key is the one that something was done with, `of` being that thing's id.

    So short that very many keys share each mark: it may be kept where a key must never be.
    """
    return hashlib.blake2b(key.encode("utf-8"), digest_size=3, salt=of.encode("utf-8")[:16]).hexdigest()


def mask(key: str) -> str:
    """Enough of a key to recognise it, too little to use it: `sk-…abcd`."""
    if len(key) < 12:
        return "…"
    prefix = key[: key.index("-") + 1] if "-" in key[:6] else key[:4] if len(key) >= 24 else ""
    return f"{prefix}…{key[-4:]}"
