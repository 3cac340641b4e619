"""Whether a journal was left by a change of the database beside it, or of another that stood there before.

SQLite takes back what a journal says was not finished, in whatever file has the name. The journal holds the first page
as it was; of that the change counts one number up by one at most, and neither the size of the pages nor the number that
each opening gives (`log_origin`) becomes another. Layouts: https://www.sqlite.org/fileformat.html
"""

from __future__ import annotations

from typing import BinaryIO

_MAGIC = bytes.fromhex("d9d505f920a163d7")
_START_BYTES = 28
_SECTOR, _PAGE = slice(20, 24), slice(24, 28)
# What stands around the page in each record: its number and a sum.
_AROUND_BYTES = 8
_MOST_RECORDS = 100_000
_LARGEST_PAGE = 65_536
# Of the first page, which begins with the header of the file.
HEADER_BYTES = 100
_PAGE_OF_FILE, _CHANGES, APPLICATION_ID = slice(16, 18), slice(24, 28), slice(68, 72)


def is_foreign(header: bytes, journal: BinaryIO) -> bool:
    """Whether the journal would spoil the database with this header. One that tells too little is taken for its own."""
    start = journal.read(_START_BYTES)
    if len(header) < HEADER_BYTES or len(start) < _START_BYTES or not start.startswith(_MAGIC):
        return False
    sector, page_bytes = _number(start[_SECTOR]), _number(start[_PAGE])
    if not 0 < page_bytes <= _LARGEST_PAGE:
        return False
    if page_bytes != (_number(header[_PAGE_OF_FILE]) if header[_PAGE_OF_FILE] != b"\0\1" else _LARGEST_PAGE):
        return True
    before = _first_page(journal, sector, page_bytes)
    if before is None:
        return False
    changes = (_number(header[_CHANGES]) - _number(before[_CHANGES])) % 2**32
    return changes > 1 or header[APPLICATION_ID] != before[APPLICATION_ID]


def _first_page(journal: BinaryIO, sector: int, page_bytes: int) -> bytes | None:
    """The header of the first page as it was, None where the journal does not have it."""
    for number in range(_MOST_RECORDS):
        journal.seek(sector + number * (page_bytes + _AROUND_BYTES))
        record = journal.read(4 + HEADER_BYTES)
        if len(record) < 4 + HEADER_BYTES:
            return None
        if _number(record[:4]) == 1:
            return record[4:]
    return None


def _number(field: bytes) -> int:
    return int.from_bytes(field, "big")
