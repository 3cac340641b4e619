"""Whether a secret got out: everything that was said, stored or written is searched for pieces of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

from tests.helpers.process import SidecarProcess

# So many of its characters in a row give a key away.
RUN = 12
# Where a key has to be, in the clear.
KEPT_IN = {"keys.json"}


def spellings(secret: str) -> set[bytes]:
    """The secret as it may be written: as it is, in percent, in base64, in hex, in a JSON text."""
    data = secret.encode()
    padded = [base64.b64encode(b"x" * before + data) for before in range(3)]
    # The letters at both ends hold bits of what stands around.
    carried = [each[4 : len(each) - len(each) % 4 - 4] for each in padded]
    return {
        data,
        quote(secret, safe="").encode(),
        "".join(f"%{byte:02x}" for byte in data).encode(),
        data.hex().encode(),
        json.dumps(secret)[1:-1].encode(),
        *carried,
        *(each.replace(b"+", b"-").replace(b"/", b"_") for each in carried),
    }


@cache
def runs(secret: str) -> frozenset[bytes]:
    """Every run of `RUN` characters of each spelling, in small letters."""
    return frozenset(
        spelled.lower()[at : at + RUN]
        for spelled in spellings(secret)
        for at in range(max(1, len(spelled) - RUN + 1))
    )


@cache
def anchors(secret: str) -> frozenset[bytes]:
    """Pieces of which every run holds one, and a sixth as many: what holds none of these holds no run."""
    half = RUN // 2
    return frozenset(
        spelled.lower()[at : at + half]
        for spelled in spellings(secret)
        for at in range(0, max(1, len(spelled) - half + 1), half)
    )


def leaks(data: bytes, secret: str) -> list[bytes]:
    """The pieces of the secret in the data, whatever line ends have been put between them."""
    small = data.lower()
    texts = {small, small.replace(b"\r", b"").replace(b"\n", b"").replace(b"\\n", b"")}
    if not any(anchor in text for text in texts for anchor in anchors(secret)):
        return []
    return sorted(run for run in runs(secret) if any(run in text for text in texts))


def folder_leaks(folder: Path, secret: str) -> dict[str, list[bytes]]:
    """What of the secret is in the files of a folder, by their names. The one for keys is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in KEPT_IN and (pieces := leaks(path.read_bytes(), secret)):
            found[str(path.relative_to(folder))] = pieces
    return found


def said(process: SidecarProcess) -> Iterator[bytes]:
    """Everything the process has said on the pipe and in its log."""
    for message in process.received:
        yield json.dumps(message).encode()
        yield json.dumps(message, ensure_ascii=False).encode()
    for line in process.stderr:
        yield line.encode()


def check(process: SidecarProcess, folder: Path, *secrets: str) -> None:
    """Fail where a piece of a secret was said, or stands in a file of the folder."""
    for secret in secrets:
        for each in said(process):
            assert not leaks(each, secret), each
        assert folder_leaks(folder, secret) == {}
