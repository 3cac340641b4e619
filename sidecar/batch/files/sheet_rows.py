"""The rows of one sheet of a workbook in XML, which is read from its start to its end with one row in memory (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element


def rows_of(elements: Iterable[tuple[str, Element]], sheet: str, row: str, number: int) -> Iterator[Element]:
    """Yield the rows of the sheet of that number, from 0. Each is empty once the next one is asked for.

    `elements` are begun and ended as `iterparse` tells it; `sheet` and `row` are the names of theirs.
    """
    at = -1
    for event, element in elements:
        if event == "start" and element.tag == sheet:
            at += 1
        elif event == "end" and element.tag == sheet and at == number:
            return
        elif event == "end" and element.tag == row:
            if at == number:
                yield element
            element.clear()
