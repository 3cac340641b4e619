"""Files that are no text: known by how they begin, or by bytes that no text has, and told as what they are."""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO

from sidecar.batch.files.refusals import refused

_TABLES = "Give a table of prompts: CSV, JSON, JSON Lines, XLSX, ODS or Parquet."
_UNPACK = "The file is packed. Unpack it first."
_PICTURE = f"The file is a picture. {_TABLES}"
# Beginnings of files that hold no rows for us, and what to do with each.
_KNOWN = (
    (b"\x1f\x8b", _UNPACK),
    (b"BZh", _UNPACK),
    (b"\x28\xb5\x2f\xfd", _UNPACK),
    (b"\xfd7zXZ", _UNPACK),
    (b"7z\xbc\xaf", _UNPACK),
    (b"Rar!\x1a", _UNPACK),
    (b"%PDF", "The file is a PDF. Copy its table into a spreadsheet, and save that as CSV."),
    (b"SQLite format", "The file is a database. Export a table of it as CSV or JSON."),
    (b"Obj\x01", "The file is in Avro. Save it as Parquet, CSV or JSON Lines."),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (
        b"{\\rtf",
        "The file is a document of a word processor. Copy its table into a spreadsheet, and save that as CSV.",
    ),
    (b"ARROW1", "The file is in Arrow. Save it as Parquet, CSV or JSON Lines."),
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
# What stands in such a file, by the names in it, which are in UTF-16.
_IN_OLD_OFFICE = (
    (
        "EncryptedPackage",
        "The workbook is protected with a password. Open it in Excel, take the password away, and save it.",
    ),
    (
        "WordDocument",
        "The file is a document of Word. Copy its table into a spreadsheet, and save that as CSV.",
    ),
    ("__substg1.0_", f"The file is a message of Outlook. {_TABLES}"),
)
_OLD_WORKBOOK = "The file is a workbook of an old Excel. Save it as .xlsx or as CSV UTF-8."
_IN_PACKED = (
    ("xl/workbook.bin", "The file is a binary workbook of Excel. Save it as .xlsx or as CSV UTF-8."),
    ("word/", "The file is a document of Word. Copy its table into a spreadsheet, and save that as CSV."),
    ("Index/", "The file is a document of Numbers or Pages. Export its table as CSV or as Excel."),
)
_PACKED = "The file is packed, or is no workbook of Excel. Unpack it, or save it as .xlsx or CSV UTF-8."
_HEAD_BYTES = 4096
_LOOKED_AT = 1024 * 1024
# All but those that stand in texts: ends of lines and pages, what tells columns apart, shifts to other letters.
_CONTROLS = re.compile(rb"[\x00\x04-\x08\x10-\x19\x7f]")
_MOST_CONTROLS = 0.05


def refuse(stream: BinaryIO) -> None:
    """Raise Failure("invalid_params") for what is no text. The stream is left at its start."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    for mark, message in _KNOWN:
        if head.startswith(mark):
            raise refused(message)
    # A table may begin with these letters, and then goes on with others.
    if head.startswith(b"PK") and (len(head) < 4 or head[2:4] in (b"\x03\x04", b"\x05\x06")):
        raise refused(_packed(stream))
    if head.startswith(_OLD_OFFICE):
        names = stream.read(_LOOKED_AT)
        raise refused(
            next((told for name, told in _IN_OLD_OFFICE if name.encode("utf-16-le") in names), _OLD_WORKBOOK)
        )


def refuse_bytes(stream: BinaryIO) -> None:
    """Raise Failure("invalid_params") where bytes are many that no text of one byte a letter has.

    The stream is left at its start. Zeros at the end are left by what was not written to its end.
    """
    head = stream.read(_HEAD_BYTES).rstrip(b"\0")
    stream.seek(0)
    if len(_CONTROLS.findall(head)) > max(1, _MOST_CONTROLS * len(head)):
        raise refused(f"The file is no text, and of no kind that is known. {_TABLES}")


def _packed(stream: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(stream) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return _PACKED
    finally:
        stream.seek(0)
    return next(
        (told for inside, told in _IN_PACKED if any(name.startswith(inside) for name in names)), _PACKED
    )
