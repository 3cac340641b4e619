"""Files for the person: they appear whole under the name that was asked for, or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from sidecar.errors import Failure
from sidecar.shortages import NO_ROOM
from sidecar.store import open_targets, own_file
from sidecar.store.sqlite_errors import not_allowed, storage_failure

T = TypeVar("T")

PARTIAL = ".partial"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
BACKUPS, LOCK = "backups", "abai.db.lock"
# What is wrong with the path itself, whatever is at its end.
_UNUSABLE_PATHS = {
    errno.ENAMETOOLONG: "This name is too long for the disk. Choose a shorter one.",
    errno.ELOOP: "The links on the way to this file lead in a circle. Choose another one.",
    errno.ENOTDIR: "A part of this path is a file and not a folder. Choose another one.",
}
# No system takes a longer one, and each look into a path of megabytes takes seconds and hundreds of megabytes.
MOST_PATH_LETTERS = 32_767
# Whatever stands behind the first point.
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[1-9¹²³])\s*(?:[.:].*)?", re.IGNORECASE)


def target_file(path: str, data_dir: Path) -> Path:
    """Return the absolute path of a file that may be written: a plain file, or a name that is free.

    Raise Failure("invalid_params") for a folder, a link, a pipe, a device or a name that Windows has no file of, for
    anything in the data folder and where there is no folder. What is left half written beside it by a kill is cleared
    at the next start.
    """
    target = _absolute(path)
    found = _look(target)
    if _DEVICE.fullmatch(target.name):
        # Written there, it is nowhere; and elsewhere a folder of that system's cannot take it over.
        raise _refused(f"{target.name} is a name that Windows keeps for a device. Choose another name.")
    if target.name[-1:] in (".", " "):
        # Windows leaves these out: it would write another file, and could not open this one.
        raise _refused(
            f'"{target.name}" ends with a point or a blank, which Windows leaves out. Choose another name.'
        )
    if is_inside(target, data_dir):
        raise _refused(
            f"{target.name} would lie in the data folder, which belongs to A-B/AI itself. Choose another folder for it."
        )
    if found is None:
        if not target.parent.is_dir():
            raise _refused(f"There is no folder {target.parent}. Make it, or choose another one.")
        open_targets.note(target.parent, data_dir)
        return target
    if stat.S_ISLNK(found.st_mode) and not target.is_dir():
        # Put in its place, the file would end the link; written through it, it would be somewhere else.
        raise _refused(
            f"{target} is a link to somewhere else. Choose the file that it leads to, or another name."
        )
    if target.is_dir():
        raise _refused(f"{target} is a folder. Choose the name of a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise _refused(f"{target} is a pipe or a device, not a file. Choose another name.")
    open_targets.note(target.parent, data_dir)
    return target


def target_folder(path: str, data_dir: Path) -> Path:
    """Return the absolute path of a folder that may be written into. Raise Failure("invalid_params")."""
    target = _absolute(path)
    if _look(target) is not None and not target.is_dir():
        raise _refused(f"{target} is a file. Choose a folder.")
    if is_inside(target, data_dir):
        raise _refused(f"{target} belongs to A-B/AI itself. Choose another folder.")
    if not target.parent.is_dir():
        raise _refused(f"There is no folder {target.parent}. Make it, or choose another one.")
    open_targets.note(target, data_dir)
    return target


def source_file(path: str) -> Path:
    """Return the absolute path of a file that can be read. Raise Failure("not_found"), Failure("invalid_params")."""
    source = _absolute(path)
    if _look(source) is None or not source.exists():
        raise Failure("not_found", f"There is no file {source}. Choose another one.")
    if not source.is_file():
        raise _refused(f"{source} is not a file that can be read. Choose another one.")
    if own_file.is_held(source):
        raise _refused(f"{source} is the database itself, which A-B/AI has open. Choose another one.")
    return source


def is_inside(target: Path, data_dir: Path) -> bool:
    """Return whether this is the data folder or in it, by whatever name it is called, or what a link in it leads to.

    Or in another one of A-B/AI's: a run on a folder of its own, as the demo is, has nothing to write in the real one.

    In an app the folder is Electron's own, too: what another program keeps there is nothing for an export to replace.
    Files are compared by what they are: case does not tell them apart on two of the three systems.
    """
    resolved = target.resolve()
    places = [resolved, *resolved.parents]
    return any(_is_any_of(home, places) for home in (data_dir, *_links_in(data_dir))) or any(
        _has_lock(place) for place in places
    )


def _has_lock(folder: Path) -> bool:
    """Whether it is a data folder: the lock's file stays in it for good."""
    with suppress(OSError):
        return (folder / LOCK).is_file()
    return False


def _links_in(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [entry for entry in folder.iterdir() if entry.is_symlink()]
    return []


def _is_any_of(home: Path, places: list[Path]) -> bool:
    for place in places:
        with suppress(OSError):
            if place.samefile(home):
                return True
    return False


def create_private(path: Path) -> BinaryIO:
    """Open a file that is made anew, for its owner alone whatever the umask. Raise OSError where there is anything."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, PRIVATE_FILE), "w+b")


def make_private(path: Path) -> None:
    """Take from a file or a folder of ours, where it is there, what others may do with it."""
    with suppress(OSError):
        mode = path.stat().st_mode
        # A folder that all may write to, as /tmp, is nobody's to close.
        if mode & 0o077 and not mode & stat.S_ISVTX:
            path.chmod(PRIVATE_FOLDER if stat.S_ISDIR(mode) else PRIVATE_FILE)


def write_whole(target: Path, produce: Callable[[BinaryIO], T]) -> tuple[T, int]:
    """Give `produce` a file and put it under `target` when all is on the disk: return its result, and the bytes.

    Replace what is there, and keep its mode; a new file is its owner's alone. Raise Failure("storage_error"); nothing
    is left behind then, or when `produce` raises.
    """
    (written,) = write_together([(target, produce)])
    return written


def write_together(wanted: Sequence[tuple[Path, Callable[[BinaryIO], T]]]) -> list[tuple[T, int]]:
    """As write_whole, of several files that belong together: all are on the disk before the first takes its place."""
    staged: list[tuple[Path, Path]] = []
    written: list[tuple[T, int]] = []
    target = Path()
    try:
        for target, produce in wanted:
            partial = partial_beside(target)
            staged.append((partial, target))
            with create_private(partial) as file:
                result = produce(file)
                file.flush()
                os.fsync(file.fileno())
                written.append((result, file.tell()))
        for partial, target in staged:
            put_in_place(partial, target)
    except BaseException as error:
        for partial, _ in staged:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise file_failure(error, target) from error
        raise
    return written


def partial_beside(target: Path) -> Path:
    """Return a name that nobody can foresee, and that is short wherever the target's own is at the limit."""
    return target.with_name(f".{uuid.uuid4().hex}{PARTIAL}")


def put_in_place(partial: Path, target: Path) -> None:
    """Let a file that is whole take the target's place and mode. Raise OSError."""
    with suppress(OSError):
        mode = target.lstat().st_mode
        if stat.S_ISREG(mode):
            partial.chmod(stat.S_IMODE(mode) & 0o777)
    partial.replace(target)


def file_failure(error: OSError, path: Path) -> Failure:
    """What the disk did to a file of the person's, as Failure("storage_error")."""
    if error.errno in NO_ROOM:
        message = "The disk is full, so the file could not be written. Free some space and try again."
        return Failure("storage_error", message, retryable=True, detail=type(error).__name__)
    if isinstance(error, PermissionError):
        return Failure("storage_error", not_allowed(str(path)), detail=type(error).__name__)
    if error.errno in _UNUSABLE_PATHS:
        return _refused(_UNUSABLE_PATHS[error.errno])
    failure = storage_failure(error)
    assert failure is not None
    return failure


def _absolute(path: str) -> Path:
    if len(path) > MOST_PATH_LETTERS:
        raise _refused(_UNUSABLE_PATHS[errno.ENAMETOOLONG])
    try:
        whole = Path(path).expanduser()
    except RuntimeError:  # a home folder of nobody
        whole = Path()
    if "\0" in path or not whole.is_absolute():
        # Where the sidecar happens to run means nothing to whoever asks.
        raise _refused("This is not the whole path of a file, with all its folders. Choose the file anew.")
    return Path(os.path.abspath(whole))  # noqa: PTH100  resolve() would follow links


def _look(path: Path) -> os.stat_result | None:
    """What is under this name, links not followed; None where it is free. Raises Failure("invalid_params")."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            path.stat()
    except FileNotFoundError:
        return path.lstat() if path.is_symlink() else None
    except OSError as error:
        raise file_failure(error, path) from error
    return found


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
