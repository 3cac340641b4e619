"""Finds the files that travel with the program: of data/, schemas/ and bridge/.

They lie beside the package in a checkout, inside it in a wheel (sidecar/_data, sidecar/_schemas), and in the
unpacked bundle of a frozen binary (sys._MEIPASS).
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = {"data": "_data", "schemas": "_schemas", "bridge": "_bridge"}


def find(name: str, *, package: Path = _PACKAGE, bundle: Path | None = None) -> Path:
    """Where `name`, such as "data/models.json", lies. Raises FileNotFoundError: this copy is incomplete."""
    folder, *rest = PurePosixPath(name).parts
    if folder not in _IN_WHEEL or not rest or ".." in rest:
        raise ValueError(f"not a file of data/, schemas/ or bridge/: {name}")
    frozen = bundle if bundle is not None else _bundle()
    places = [package / _IN_WHEEL[folder], package.parent / folder]
    if frozen is not None:
        places[:0] = [frozen / folder, frozen / package.name / _IN_WHEEL[folder]]
    for place in places:
        path = place.joinpath(*rest)
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is in none of {', '.join(map(str, places))}")


def read_bytes(name: str) -> bytes:
    """The content of `name`, such as "schemas/openrpc.json". Raises FileNotFoundError."""
    return find(name).read_bytes()


def _bundle() -> Path | None:
    unpacked = getattr(sys, "_MEIPASS", None)
    return Path(unpacked) if isinstance(unpacked, str) else None
