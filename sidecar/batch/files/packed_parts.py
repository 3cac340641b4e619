"""What a packed workbook becomes in memory, bounded before any of it is read: it may be a thousandth of that packed.

Rows come one by one, so that a sheet may be large, but not one row of it. The texts of all sheets of Excel's are held
together, and so is every part of another kind.
"""

from __future__ import annotations

import re
import zipfile
from typing import Literal

from sidecar.batch.files.refusals import refused

_MB = 1024 * 1024
# What a packed workbook may become; of the packed file only its size is bounded before.
MAX_UNPACKED_BYTES = 1024 * _MB
MOST_ROW_BYTES = 16 * _MB
# Short texts take three times their size.
MOST_TEXT_BYTES = 128 * _MB
MOST_PART_BYTES = 64 * _MB
_AT_ONCE = _MB

_ROW_END = re.compile(rb"</(?:\w+:)?(?:table-)?row>")
_LONGEST_END = 64
_ADVICE = "Split it, or save it as CSV UTF-8."


def refuse_swelling(packed: zipfile.ZipFile) -> None:
    """Raise Failure("invalid_params") for a workbook that would take too much memory. Reads its large sheets once."""
    parts = packed.infolist()
    if sum(each.file_size for each in parts) > MAX_UNPACKED_BYTES:
        raise refused(f"The workbook is larger than 1 GB once it is unpacked. {_ADVICE}")
    for part in parts:
        # No part is larger than it says: nothing behind that is read.
        if part.file_size <= MOST_ROW_BYTES:
            continue
        kind = _kind_of(part.filename.lower())
        if kind == "texts" and part.file_size > MOST_TEXT_BYTES:
            raise refused(f"The texts of the workbook are larger than {MOST_TEXT_BYTES // _MB} MB. {_ADVICE}")
        if kind == "part" and part.file_size > MOST_PART_BYTES:
            raise refused(
                f"{part.filename[:80]} in the workbook is larger than {MOST_PART_BYTES // _MB} MB. {_ADVICE}"
            )
        if kind == "sheet" and _has_huge_row(packed, part):
            raise refused(f"A row of the workbook is larger than {MOST_ROW_BYTES // _MB} MB. {_ADVICE}")


def _kind_of(name: str) -> Literal["sheet", "texts", "part", "unread"]:
    if "/worksheets/" in name or name == "content.xml":
        return "sheet"
    if name.endswith("sharedstrings.xml"):
        return "texts"
    return "part" if name.endswith((".xml", ".rels")) else "unread"


def _has_huge_row(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether more stands between the ends of two rows, before the first or behind the last, than a row may be."""
    since_end, tail = 0, b""
    with packed.open(part) as stream:
        while chunk := stream.read(_AT_ONCE):
            seen = tail + chunk
            ends = [found.end() for found in _ROW_END.finditer(seen)]
            since_end = len(seen) - ends[-1] if ends else since_end + len(chunk)
            if since_end > MOST_ROW_BYTES:
                return True
            tail = seen[-_LONGEST_END:]
    return False
