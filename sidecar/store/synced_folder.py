"""Whether a service keeps a folder in step with other computers, told by its path and by what such a service leaves.

A database under such a service is copied away in the middle of being written, put back older than it was, or doubled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

# What a service leaves in the folder that it keeps in step.
MARKERS = {
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".849C9593-D756-4E56-8D6E-42412F2A707B": "OneDrive",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
    ".nextcloudsync.log": "Nextcloud",
    ".owncloudsync.log": "ownCloud",
    ".stfolder": "Syncthing",
}
# Names that their folders have: alone, or with whose they are behind them ("OneDrive - Contoso", "Dropbox (Personal)").
_NAMES = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "icloud drive": "iCloud Drive",
    "iclouddrive": "iCloud Drive",
    "mobile documents": "iCloud Drive",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "box sync": "Box",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
    "pclouddrive": "pCloud",
    "synologydrive": "Synology Drive",
    "yandex.disk": "Yandex Disk",
}
# macOS keeps all of them in one place: ~/Library/CloudStorage/Box-Box.
_CLOUDS = "cloudstorage"


def service_of(path: Sequence[tuple[str, Collection[str]]]) -> str | None:
    """Return the name of the service; None where there is no sign of one (pure).

    `path` has the folders from the outermost to the one that is asked for: its name, and the markers in it.
    """
    within = ""
    for name, found in path:
        for marker in found:
            if marker in MARKERS:
                return MARKERS[marker]
        whose = name.partition("-")[0] if within == _CLOUDS else name
        known = _by_name(whose.casefold()) or (whose if within == _CLOUDS else None)
        if known:
            return known
        within = name.casefold()
    return None


def _by_name(name: str) -> str | None:
    for known, service in _NAMES.items():
        if name == known or name.startswith((f"{known} - ", f"{known} (")):
            return service
    return None


@cache
def look(folder: Path) -> str | None:
    """Return the service that keeps this folder in step, by the name that it was given and the one it has.

    Blocking, once: a folder in use stays where it is. A disk of the network may take its time.
    """
    with suppress(OSError):
        given, resolved = folder.absolute(), folder.resolve()
        return service_of(_signs(given)) or service_of(_signs(resolved))
    return None


def warning(folder: Path) -> str | None:
    """Return what the person is told of this folder; None where nothing is to be said. Blocking, once."""
    service = look(folder)
    return service and (
        f"The data folder is in one that {service} copies to other places, which can spoil the database or bring an "
        "older one back. Close A-B/AI and move it, or choose another data folder."
    )


def _signs(folder: Path) -> list[tuple[str, list[str]]]:
    return [
        (each.name, [marker for marker in MARKERS if _is_there(each / marker)])
        for each in reversed([folder, *folder.parents])
    ]


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True
