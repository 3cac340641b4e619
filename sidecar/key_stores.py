"""Where saved keys live, and the places that hold none of a person's: memory, in runs without a keychain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sidecar.key_names import is_admin


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


@dataclass(slots=True)
class EveryKey(MemoryKeys):
    """Saved keys of a run whose servers are all simulated: each has one, also those of the person's own, until it is
    taken away. `admin` is that which only reads charges.
    """

    everywhere: str = ""
    admin: str = ""
    gone: set[str] = field(default_factory=set)

    async def get(self, provider: str) -> str | None:
        if provider in self.saved or provider in self.gone:
            return self.saved.get(provider)
        return self.admin if is_admin(provider) else self.everywhere

    async def delete(self, provider: str) -> None:
        self.saved.pop(provider, None)
        self.gone.add(provider)
