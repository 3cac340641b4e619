"""Columns of a console's table that have the same name: which of them is meant, or that nobody can know it (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sidecar.money.bill_columns import foreign_currency, plain_name
from sidecar.money.bill_table import Table, unread


def one_of_each(table: Table, used: Iterable[int | None]) -> Table:
    """Return the table with one column for each that is `used`: its twins have no name any more.

    An empty one is no twin, nor is one in other money beside one in dollars, nor one that says the same in every line.
    Raises Failure("invalid_params") where two say something else: the sum would be of either.
    """
    names, plain = list(table.names), [plain_name(name) for name in table.names]
    for name in {plain[at] for at in used if at is not None}:
        alike = [at for at, each in enumerate(plain) if each == name]
        kept = _filled(table, alike)
        kept = [at for at in kept if not foreign_currency(names[at])] or kept
        different = {tuple(cells[at].strip() for _, cells in table.filled()): at for at in reversed(kept)}
        if len(different) > 1:
            told = " and ".join(
                f"{names[at].strip()} (column {at + 1})" for at in sorted(different.values())[:2]
            )
            raise unread(
                f"Two columns of the file have the same name and say different things: {told}. Which of them counts "
                "is not known. Take one of them out of the file, or give it another name."
            )
        for at in alike:
            if at != kept[0]:
                names[at] = ""
    return replace(table, names=names)


def _filled(table: Table, alike: list[int]) -> list[int]:
    """Those of the columns in which anything stands; the first where nothing does."""
    rows = table.filled()
    return [at for at in alike if any(cells[at].strip() for _, cells in rows)] or alike[:1]
