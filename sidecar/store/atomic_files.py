"""Files for the person: they appear whole under the name that was asked for, or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from sidecar.errors import Failure
from sidecar.store.sqlite_errors import storage_failure

T = TypeVar("T")

_OWN_FILES = frozenset({"keys.json", "models.json", "listed-models.json"})
_OWN_PREFIX = "abai.db"
_OWN_FOLDERS = frozenset({"history", "jobqueue"})
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


def target_file(path: str, data_dir: Path) -> Path:
    """The absolute path of a file that may be written.

    Raises Failure("invalid_params") for a folder, for a file of the data folder's own and where there is no folder.
    """
    target = _absolute(path)
    if target.is_dir():
        raise _refused(f"{target} is a folder. Choose the name of a file in it.")
    if is_own(target, data_dir):
        raise _refused(f"{target.name} belongs to A-B/AI itself. Choose another file.")
    if not target.parent.is_dir():
        raise _refused(f"There is no folder {target.parent}. Make it, or choose another one.")
    return target


def target_folder(path: str, data_dir: Path) -> Path:
    """The absolute path of a folder that may be written into. Raises Failure("invalid_params")."""
    target = _absolute(path)
    if target.exists() and not target.is_dir():
        raise _refused(f"{target} is a file. Choose a folder.")
    if is_own(target, data_dir) or target.resolve() == data_dir.resolve():
        raise _refused(f"{target} belongs to A-B/AI itself. Choose another folder.")
    if not target.parent.is_dir():
        raise _refused(f"There is no folder {target.parent}. Make it, or choose another one.")
    return target


def source_file(path: str) -> Path:
    """The absolute path of a file that can be read. Raises Failure("not_found"), Failure("invalid_params")."""
    source = _absolute(path)
    if not source.exists():
        raise Failure("not_found", f"There is no file {source}. Choose another one.")
    if not source.is_file():
        raise _refused(f"{source} is not a file that can be read. Choose another one.")
    return source


def is_own(target: Path, data_dir: Path) -> bool:
    """Whether this is one of the data folder's own files, or in one of its own folders."""
    home, resolved = data_dir.resolve(), target.resolve()
    if home not in resolved.parents:
        return False
    # Case does not tell files apart on two of the three systems.
    name = resolved.relative_to(home).parts[0].casefold()
    return name in _OWN_FILES or name in _OWN_FOLDERS or name.startswith(_OWN_PREFIX)


def write_whole(target: Path, produce: Callable[[BinaryIO], T]) -> tuple[T, int]:
    """Gives `produce` a file and puts it under `target` when all is on the disk: its result, and the bytes.

    Replaces what is there. Raises Failure("storage_error"); nothing is left behind then, or when `produce` raises.
    """
    partial = target.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("xb") as file:
            result = produce(file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        partial.replace(target)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise file_failure(error, target) from error
        raise
    return result, size


def file_failure(error: OSError, path: Path) -> Failure:
    """What the disk did to a file of the person's, as Failure("storage_error")."""
    if error.errno in _FULL:
        message = "The disk is full, so the file could not be written. Free some space and try again."
        return Failure("storage_error", message, retryable=True, detail=type(error).__name__)
    if isinstance(error, PermissionError):
        message = f"{path} may not be used. Check its permissions, or whether another program has it open."
        return Failure("storage_error", message, detail=type(error).__name__)
    failure = storage_failure(error)
    assert failure is not None
    return failure


def _absolute(path: str) -> Path:
    try:
        whole = Path(path).expanduser()
    except RuntimeError:  # a home folder of nobody
        whole = Path()
    if "\0" in path or not whole.is_absolute():
        # Where the sidecar happens to run means nothing to whoever asks.
        raise _refused("This is not the whole path of a file, with all its folders. Choose the file anew.")
    return Path(os.path.abspath(whole))  # noqa: PTH100  resolve() would follow links


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
