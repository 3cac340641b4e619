"""Which API key a provider is called with: the one that was saved, else the environment's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from sidecar.errors import Failure
from sidecar.key_question import KeyQuestion
from sidecar.key_stores import KeyStore
from sidecar.key_text import NotAKey, clean_key, other_owner
from sidecar.keys_ahead import KeysAhead

T = TypeVar("T")

log = logging.getLogger("sidecar.keys")

# Seconds that somebody waits for the keychain who can do without it, and who cannot: it may be asking for a password.
SHORT_PATIENCE, LONG_PATIENCE = 3.0, 12.0
# Seconds after which a key that was not there is looked for again: by whom it is in the way, and by who wants to know.
MISSED_SECONDS, SHOWN_SECONDS = 2.0, 30.0
SILENT = (
    "The keychain does not answer. Unlock it, or look whether it asks for a password, then try again; a key in the "
    "environment is used without it."
)
NOT_KEPT = (
    "The keychain took the API key and did not keep it. Unlock or repair the keychain, then save the key again; "
    "with ABAI_KEY_STORE=file in the environment keys go into a file in the data folder that only you can read."
)
NOT_REMOVED = "The keychain did not remove the API key. Unlock it, then try again."


class Keys:
    """Answers which key a provider is called with.

    A key that was read once is kept in memory: the renderer asks around every row of a batch, and the
    keychain is slow. Another program may write our entries: one that its vendor refused, or that was not there, is
    read again. A keychain that fails or does not answer holds up only calls that have no other key: `needs_key` says
    of a provider whether it can do without one, `asks_vendor` whether its calls go to the vendor itself, which is given
    no key of another vendor's. `learn` is told each key once it is read or about to be saved; `ahead` reads them all.
    """

    def __init__(
        self,
        store: KeyStore,
        environment: Mapping[str, str],
        variables: Mapping[str, Sequence[str]],
        needs_key: Callable[[str], bool] = lambda provider: True,
        asks_vendor: Callable[[str], bool] = lambda provider: False,
        short_patience: float = SHORT_PATIENCE,
        learn: Callable[[str], None] = lambda key: None,
    ) -> None:
        self._store = store
        self._environment = environment
        self._variables = variables
        self._needs_key = needs_key
        self._asks_vendor = asks_vendor
        self._short_patience = short_patience
        self._known: dict[str, str | None] = {}
        self._asking: dict[str, KeyQuestion] = {}
        # When the store last answered, in seconds of the loop's clock.
        self._answered_at: dict[str, float] = {}
        self._learn = learn
        self.ahead = KeysAhead(self._read_ahead, variables, short_patience)

    async def get(self, provider: str) -> str | None:
        """The key for this provider, or None.

        Raise Failure: "storage_error" when the keychain refuses or is silent and there is no other key,
        "invalid_api_key" when what the keychain or a variable holds can be no key, or the key is another vendor's.
        """
        if key := self._known.get(provider):
            self._refuse_others(provider, key, "The API key that is saved")
            return key
        spare = any(self._environment.get(name, "").strip() for name in self._variables.get(provider, ()))
        can_do_without = spare or not self._needs_key(provider)
        try:
            saved = await self._saved(provider, self._short_patience if can_do_without else LONG_PATIENCE)
        except Failure as failure:
            if not can_do_without:
                raise
            log.warning("%s is asked without what the keychain may hold: %s", provider, failure.message)
            saved = None
        if saved is None and not can_do_without:
            saved = await self._added_since(provider, MISSED_SECONDS)
        if saved:
            self._refuse_others(provider, saved, "The API key that is saved")
        return saved or self._from_environment(provider)

    async def state(self, provider: str) -> tuple[bool, str | None]:
        """Whether there is a key, and what is in the way of knowing, as a sentence. Answers within seconds."""
        try:
            saved = await self._saved(provider, self._short_patience)
            if saved or await self._added_since(provider, SHOWN_SECONDS):
                return True, None
            problem = None
        except Failure as failure:
            problem = failure.message
        try:
            found = self._from_environment(provider) is not None
        except Failure as failure:
            return False, failure.message
        return found, None if found else problem

    async def save(self, provider: str, key: str) -> None:
        """Save the key, or remove it when it is empty.

        Raise Failure: "invalid_params" for what can be no key, "storage_error" when it was not kept.
        """
        try:
            key = clean_key(key)
            if owner := self._other_owner(provider, key):
                raise NotAKey(
                    f"That is a key of {owner}'s. Save it there, and paste the key for {provider} here."
                )
        except NotAKey as problem:
            message = str(problem)
            raise Failure("invalid_params", message, issues=[{"path": "value", "message": message}]) from None
        if key:
            self._learn(key)
            await self._store.set(provider, key)
        else:
            await self._store.delete(provider)
        # Read back where it was saved: only then is it known to be there.
        self._forget(provider)
        if (await self._saved(provider, LONG_PATIENCE) or "") != key:
            raise Failure("storage_error", NOT_KEPT if key else NOT_REMOVED)

    async def instead_of(self, provider: str, refused: str) -> str | None:
        """Return the key to ask with in place of one that the vendor refused, None where there is no other one.

        It may have been replaced since it was read: here, or where keys are saved, by another program.
        """
        if self._known.get(provider) in (None, refused):
            await self._asked(provider).answered_or_late(self._short_patience)
        with suppress(Failure):
            return key if (key := await self.get(provider)) and key != refused else None
        return None

    async def ask(self, name: str, call: Callable[[str], Awaitable[T]]) -> T:
        """Return what `call` gives with the key of that name, "" where there is none. Raise what it raises.

        Where the key is refused and has been replaced meanwhile, it is called once more with the new one.
        """
        key = await self.get(name) or ""
        try:
            return await call(key)
        except Failure as refused:
            newer = await self.instead_of(name, key) if refused.kind == "invalid_api_key" else None
            if newer is None:
                raise
        return await call(newer)

    def doubt(self, provider: str) -> None:
        """Have what is saved read again, which stays in use until then."""
        if provider in self._known:
            self._asked(provider)

    async def _added_since(self, provider: str, seconds: float) -> str | None:
        """Return the key where there is one by now, so long after it was last looked for."""
        if asyncio.get_running_loop().time() - self._answered_at.get(provider, 0.0) > seconds:
            await self._asked(provider).answered_or_late(self._short_patience)
        return self._known.get(provider)

    async def _saved(self, provider: str, patience: float) -> str | None:
        """Return what the store holds. Raise Failure when it refuses, is silent for `patience` seconds or holds no key.

        However many ask, the store is asked once; when it answers late, the next who ask have it at once.
        """
        if provider in self._known:
            return self._known[provider]
        asking = self._asked(provider)
        await asking.answered_or_late(patience)
        if not asking.answer.done():
            self.ahead.was_silent()
            raise Failure("storage_error", SILENT)
        return asking.answer.result()

    async def _read_ahead(self, provider: str) -> None:
        """Have the key read and learnt, however long that takes. Raise Failure as `_saved` does."""
        if provider not in self._known:
            # Others wait for the same answer.
            await asyncio.shield(self._asked(provider).answer)

    def _asked(self, provider: str) -> KeyQuestion:
        """The question to the store that is on its way, or a new one."""
        asking = self._asking.get(provider)
        if asking is None:
            loop = asyncio.get_running_loop()
            asking = self._asking[provider] = KeyQuestion(loop.create_task(self._read(provider)), loop.time())
            asking.answer.add_done_callback(partial(self._answered, provider, asking))
        return asking

    async def _read(self, provider: str) -> str | None:
        """The key in what the store gives, which another program may have written."""
        saved = await self._store.get(provider) or ""
        self._learn(saved)
        try:
            key = clean_key(saved)
            self._learn(key)
            return key or None
        except NotAKey as problem:
            message = f"What is saved as the API key for {provider} is none. {problem}"
            raise Failure("invalid_api_key", message, provider=provider) from None

    def _answered(self, provider: str, asking: KeyQuestion, _: asyncio.Task[str | None]) -> None:
        if self._asking.get(provider) is not asking:
            return  # it was asked before the key changed
        del self._asking[provider]
        self._answered_at[provider] = asyncio.get_running_loop().time()
        if not asking.answer.cancelled() and asking.answer.exception() is None:
            self._known[provider] = asking.answer.result()

    def _forget(self, provider: str) -> None:
        self._known.pop(provider, None)
        self._asking.pop(provider, None)

    def _from_environment(self, provider: str) -> str | None:
        for variable in self._variables.get(provider, ()):
            try:
                key = clean_key(self._environment.get(variable, ""))
            except NotAKey as problem:
                message = f"The environment variable {variable} holds no API key as it stands. {problem}"
                raise Failure("invalid_api_key", message, provider=provider) from None
            if key:
                self._refuse_others(provider, key, f"The API key in the environment variable {variable}")
                return key
        return None

    def _other_owner(self, provider: str, key: str) -> str | None:
        owner = other_owner(provider, key)
        return owner if owner and self._asks_vendor(provider) else None

    def _refuse_others(self, provider: str, key: str, which: str) -> None:
        if owner := self._other_owner(provider, key):
            told = f"{which} for {provider} is one of {owner}'s, so nothing was sent. Put {provider}'s own there."
            raise Failure("invalid_api_key", told, provider=provider)
