"""The edge to the operating system's keychain, and the file that stands in where there is none."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from sidecar.errors import Failure
from sidecar.keys import SILENT
from sidecar.plain_file import read_plain
from sidecar.shortages import shortage

log = logging.getLogger("sidecar.keys")

SERVICE = "A-B/AI"
# How long a change may take before the person is told, and a call before the next one passes it by.
WRITE_SECONDS, STUCK_SECONDS = 12.0, 1.0
# As many entries may hang at the same time without being in the way of others.
MOST_THREADS = 8
PARTIAL = ".partial"
T = TypeVar("T")


class Blocking(Protocol):
    """A place for keys whose calls may take long."""

    def get(self, provider: str) -> str | None: ...

    def set(self, provider: str, key: str) -> None: ...

    def delete(self, provider: str) -> None: ...


class SavedKeys:
    """The keychain behind threads of its own: it may ask the person for a password, or hang.

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
        self._threads = _Threads("keychain")

    async def get(self, provider: str) -> str | None:
        """Without a deadline: whoever asks decides how long to wait."""
        return await self._run(lambda: self._open().get(provider))

    async def set(self, provider: str, key: str) -> None:
        """Raise Failure("storage_error") when the keychain refuses, or is silent for WRITE_SECONDS."""
        await self._in_time(self._run(lambda: self._open().set(provider, key)))

    async def delete(self, provider: str) -> None:
        """Raise Failure as `set` does."""
        await self._in_time(self._run(lambda: self._open().delete(provider)))

    def close(self) -> None:
        self._threads.close()

    async def _in_time(self, action: Coroutine[Any, Any, None]) -> None:
        try:
            await asyncio.wait_for(action, WRITE_SECONDS)
        except TimeoutError:
            raise Failure("storage_error", SILENT) from None

    async def _run(self, action: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._threads.run(action))
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


class _Threads:
    """Runs calls one after the other, on another thread once one does not return: an entry that hangs is in nobody
    else's way, and a keychain that works asks for its password once.

    Nobody waits for the threads when the process ends, as for an executor's: a keychain that waits for a password
    would keep the process for as long.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._count = 0
        self._watching = False

    def run(self, action: Callable[[], T]) -> Future[T]:
        done: Future[T] = Future()
        self._calls.put((action, done))
        if self._count == 0:
            self._add()
        self._watch()
        return done

    def close(self) -> None:
        for _ in range(self._count):
            self._calls.put(None)

    def _watch(self) -> None:
        if not self._watching and self._count < MOST_THREADS:
            self._watching = True
            asyncio.get_running_loop().call_later(STUCK_SECONDS, self._relieve)

    def _relieve(self) -> None:
        """What was put into the queue so long ago and is still there stands behind a call that does not return."""
        self._watching = False
        if not self._calls.empty():
            self._add()
            self._watch()

    def _add(self) -> None:
        self._count += 1
        threading.Thread(target=self._serve, name=self._name, daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            action, done = call
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(action())
            except Exception as error:
                done.set_exception(error)
            except BaseException as error:
                # A backend that wants to end the program ends no more than its call.
                done.set_exception(RuntimeError(type(error).__name__))


class _Keychain:
    def __init__(self) -> None:
        import keyring  # 35 ms, 125 with its backends: only when a key is first wanted

        self._keyring = keyring

    def get(self, provider: str) -> str | None:
        # Of an entry that another program wrote some backends give the bytes.
        found: Any = self._keyring.get_password(SERVICE, provider)
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

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


# Of a few dozen keys.
MOST_BYTES = 1024 * 1024


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
            keys = json.loads(read_plain(self._path, MOST_BYTES).decode())
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise self._unusable("read", problem) from problem
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
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                # Made anew under a name that nobody can foresee, with its final mode: never through a link, and never
                # open to others for a moment.
                descriptor, partial = tempfile.mkstemp(PARTIAL, self._path.stem + ".", self._path.parent)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(keys, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(partial).replace(self._path)
            finally:
                self._clear_up()
        except OSError as problem:
            raise self._unusable("written", problem) from problem

    def _clear_up(self) -> None:
        """What is half written: by a process that died, or for want of room."""
        for left in self._path.parent.glob(f"{self._path.stem}.*{PARTIAL}"):
            left.unlink(missing_ok=True)

    def _unusable(self, verb: str, problem: OSError) -> Failure:
        if lack := shortage(problem):
            return lack
        reason = problem.strerror or "of the disk"
        reason = reason[:1].lower() + reason[1:]
        return Failure(
            "storage_error",
            f"The file with the API keys, {self._path.name} in the data folder, cannot be {verb}: {reason}. "
            "See to that, then try again.",
        )
