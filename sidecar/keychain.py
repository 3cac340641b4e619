"""The edge to the operating system's keychain, and the file that stands in where there is none."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from sidecar.errors import Failure

log = logging.getLogger("sidecar.keys")

SERVICE = "A-B/AI"
T = TypeVar("T")


class Blocking(Protocol):
    """A place for keys whose calls may take long."""

    def get(self, provider: str) -> str | None: ...

    def set(self, provider: str, key: str) -> None: ...

    def delete(self, provider: str) -> None: ...


class SavedKeys:
    """The keychain behind one worker thread of its own: it may ask the person for a password, or hang.

    Where the machine has no keychain, or `file_only` is set, keys go into a file that only its owner
    can read.
    """

    def __init__(
        self,
        fallback: Path,
        *,
        file_only: bool = False,
        open_keychain: Callable[[], Blocking | None] | None = None,
    ) -> None:
        self._fallback = fallback
        self._file_only = file_only
        self._open_keychain = open_keychain or system_keychain
        self._backend: Blocking | None = None
        self._worker = _Worker("keychain")

    async def get(self, provider: str) -> str | None:
        return await self._run(lambda: self._open().get(provider))

    async def set(self, provider: str, key: str) -> None:
        await self._run(lambda: self._open().set(provider, key))

    async def delete(self, provider: str) -> None:
        await self._run(lambda: self._open().delete(provider))

    def close(self) -> None:
        self._worker.close()

    async def _run(self, action: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._worker.run(action))
        except Failure:
            raise
        except Exception as problem:
            log.warning("the keychain refused: %s", type(problem).__name__)
            message = "The keychain did not give or take the API key. Unlock it, then try again."
            raise Failure("storage_error", message) from problem

    def _open(self) -> Blocking:
        if self._backend is None:
            self._backend = (None if self._file_only else self._open_keychain()) or self._file()
        return self._backend

    def _file(self) -> Blocking:
        if not self._file_only:
            log.warning("this machine has no keychain: API keys are kept in a file that only you can read")
        return KeyFile(self._fallback)


class _Worker:
    """One thread that runs calls in their order. Nobody waits for it when the process ends, as for an executor's: a
    keychain that waits for a password would keep the process for as long.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def run(self, action: Callable[[], T]) -> Future[T]:
        if self._thread.ident is None:
            self._thread.start()
        done: Future[T] = Future()
        self._calls.put((action, done))
        return done

    def close(self) -> None:
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            action, done = call
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(action())
            except BaseException as error:
                done.set_exception(error)


class _Keychain:
    def __init__(self) -> None:
        import keyring  # 35 ms, 125 with its backends: only when a key is first wanted

        self._keyring = keyring

    def get(self, provider: str) -> str | None:
        return self._keyring.get_password(SERVICE, provider)

    def set(self, provider: str, key: str) -> None:
        self._keyring.set_password(SERVICE, provider, key)

    def delete(self, provider: str) -> None:
        if self._keyring.get_password(SERVICE, provider) is not None:
            self._keyring.delete_password(SERVICE, provider)


def system_keychain() -> Blocking | None:
    """The system's keychain, or None where keyring found no backend that works."""
    import keyring
    from keyring.backends import fail

    if isinstance(keyring.get_keyring(), fail.Keyring):
        return None
    return _Keychain()


class KeyFile:
    """Keys in a JSON file of mode 0600, replaced whole so that a crash leaves the old or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, provider: str) -> str | None:
        return self._read().get(provider)

    def set(self, provider: str, key: str) -> None:
        self._write(self._read() | {provider: key})

    def delete(self, provider: str) -> None:
        keys = self._read()
        if keys.pop(provider, None) is not None:
            self._write(keys)

    def _read(self) -> dict[str, str]:
        try:
            keys = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            keys = None
        if not isinstance(keys, dict):
            raise Failure(
                "storage_error",
                f"The file with the API keys, {self._path.name} in the data folder, cannot be read. "
                "Move it away, then save the keys again.",
            )
        return {name: key for name, key in keys.items() if isinstance(key, str)}

    def _write(self, keys: dict[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        # Created with its final mode: a file that is closed to others only afterwards was open for a moment.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(keys, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
