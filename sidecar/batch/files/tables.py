"""Records of cells as rows: where the header is, what its columns are, and what each record gives (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from sidecar.batch.files import csv_text, json_cells, markdown, sums
from sidecar.batch.files.columns import BadRow
from sidecar.batch.files.encodings import BAD_BYTE, TextEncoding, bad_byte
from sidecar.batch.files.excel_cells import EMPTY_PROMPT, EmptyResult
from sidecar.batch.files.layout import Layout, layout_of
from sidecar.batch.files.names import field_of, squeezed
from sidecar.batch.files.object_rows import object_rows
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.other_quotes import plain_quotes
from sidecar.batch.files.row_errors import Read, RowError
from sidecar.batch.files.seen import SAMPLES, Seen
from sidecar.batch.files.table_records import records_of
from sidecar.batch.files.text_cells import CellRows

# Above a header there may be a title, a date and the like.
_TOP_RECORDS = 20
# Four times what Excel has.
MOST_COLUMNS = 65_536
_LOOKED_AT = 12
_BAD = "\N{REPLACEMENT CHARACTER}"

Record = Sequence[str] | csv_text.BrokenRecord


def csv_rows(
    lines: Iterable[str], sample: str, encoding: TextEncoding, options: ImportOptions
) -> Iterator[Read]:
    """Yield what each record of a CSV gives. `sample` is how it begins."""
    if markdown.is_table(sample):
        yield from ((0, RowError(remark)) for remark in _above([[markdown.above(sample)]]))
        yield from table_rows(markdown.records(lines), encoding, options, delimiter="|")
        return
    plain = plain_quotes(sample)
    if plain is not None:
        lines, sample = map(plain, lines), "".join(map(plain, sample.splitlines(keepends=True)))
    wanted = {squeezed(name) for name in options.columns.values()}
    delimiter = options.delimiter or csv_text.delimiter_of(
        sample, lambda cell: field_of(cell) is not None or squeezed(cell) in wanted
    )
    lines = iter(lines)
    if csv_text.declared_delimiter(sample):
        next(lines)
    if csv_text.has_backslash_quotes(sample, delimiter):
        lines = map(csv_text.doubled_quotes, lines)
        yield 0, RowError('Quotes with a backslash before them (\\") are read as quotes within the text.')
    if csv_text.has_spaced_quotes(sample, delimiter):
        lines = map(csv_text.without_spaces(delimiter), lines)
    records = csv_text.Records(lines, delimiter)
    yield from table_rows(records, encoding, options, delimiter=delimiter, tell=records)


def table_rows(
    records: Iterable[Record],
    encoding: TextEncoding,
    options: ImportOptions,
    *,
    delimiter: str | None = None,
    tell: csv_text.Records | None = None,
) -> Iterator[Read]:
    """Yield what each record gives, by its number below the header. `tell` is told what a record looks like."""
    source = iter(records)
    top: list[Record] = []
    at = _header_at(source, top, options) if options.header else -1
    if at is None:
        yield 0, RowError("The file is empty. Choose another one.")
        return
    header = top[at] if at >= 0 else _numbered(source, top)
    if not isinstance(header, Sequence):
        yield 0, RowError(header.message)
        return
    if len(header) > MOST_COLUMNS:
        said = f"The table has {len(header):,} columns, and at most {MOST_COLUMNS:,} are read."
        yield 0, RowError(f"{said} Save those that matter, and import them.")
        return
    names, beside = _names(header)
    layout = layout_of(names, options, table=True)
    if layout.is_ours:
        names = [csv_text.undefused(name) for name in names]
        layout = layout_of(names, options, table=True)
    yield from ((0, RowError(remark)) for remark in (*_above(top[: max(at, 0)]), *layout.remarks))
    reader = _Reader(layout, names, beside, encoding, options)
    if lacking := reader.lacking():
        yield from ((0, RowError(message)) for message in lacking)
        rest = [
            record
            for record in chain(top[at + 1 :], _some(source))
            if isinstance(record, Sequence) and any(record)
        ]
        yield 0, Seen(names, rest[:SAMPLES], True, encoding.name, delimiter)
        return
    if tell is not None:
        tell.width = len(header)
        tell.model_at = next((i for i, each in enumerate(layout.columns) if each.field == "model"), None)
    if at >= 0 and not options.columns:
        top += islice(source, SAMPLES)
        if json_cells.are_json(names, top[at + 1 :]):
            yield from object_rows(
                json_cells.as_objects(names, chain(top[at + 1 :], source)), encoding, options, columns=True
            )
            return
    samples: list[Sequence[str]] = []
    last = sums.LastRow(next((i for i, each in enumerate(layout.columns) if each.field == "prompt"), None))
    again = [squeezed(name) for name in names] if at >= 0 and len(names) > 1 else None
    begun = at < 0
    for number, record in records_of(enumerate(chain(top[at + 1 :], source), start=1), again):
        if isinstance(record, RowError):
            yield number, record
            continue
        if not begun and sums.is_units(record):
            yield number, RowError(sums.TOLD_OF_UNITS)
            continue
        begun = True
        if len(samples) < SAMPLES:
            samples.append(record)
        for place, each in last.before(number, record):
            yield place, reader.row(each)
        if reader.remark is not None:
            yield 0, RowError(reader.remark)
            reader.remark = None
    if last.held is not None:
        yield last.held[0], RowError(sums.told(last.held[1]))
    yield 0, Seen(names, samples, True, encoding.name, delimiter)


class _Reader:
    """Rows by one layout. `remark` is to be told once."""

    def __init__(
        self,
        layout: Layout,
        names: Sequence[str],
        beside: int,
        encoding: TextEncoding,
        options: ImportOptions,
    ) -> None:
        self._layout = layout
        self._cells = CellRows(layout, options)
        self._names = names
        self._most = len(names) + beside
        self._encoding = encoding
        self._options = options
        self._told_beside = False
        self.remark: str | None = None

    def lacking(self) -> list[str]:
        """What is not there and without which there is no row."""
        said = [
            f'There is no column "{name[:60]}". The columns are {_listed(self._names)}.'
            for name in self._layout.missing
        ]
        there = self._layout.fields | ({"prompt"} if self._options.template is not None else set())
        there |= {"model"} if self._options.models else set()
        return said + [
            f'There is no column "{field}". Name the columns in the first row.'
            for field in ("prompt", "model")
            if field not in there
        ]

    def row(self, record: Sequence[str]) -> dict[str, Any] | RowError:
        """The row of a record; cells that are missing at its end are empty."""
        cells = [csv_text.undefused(cell) for cell in record] if self._layout.is_ours else record
        if len(cells) < len(self._layout.columns):
            cells = [*cells, *[""] * (len(self._layout.columns) - len(cells))]
        try:
            self._check(record)
            return self._cells.row(cells)
        except BadRow as error:
            shown = {
                column.field if column.field else column.name: cell
                for column, cell in zip(self._layout.columns, cells, strict=False)
            }
            message = EMPTY_PROMPT if isinstance(shown.get("prompt"), EmptyResult) else str(error)
            return RowError(message, _without_bad_bytes(shown))

    def _check(self, record: Sequence[str]) -> None:
        if self._encoding.broken and (bad := BAD_BYTE.search("\0".join(record))):
            text = "\0".join(record)
            around = text[max(0, bad.start() - 12) : bad.end() + 12].split("\0")
            place = next((each for each in around if BAD_BYTE.search(each)), "")
            raise BadRow(bad_byte(self._encoding, BAD_BYTE.sub(_BAD, place)))
        if len(record) <= len(self._names):
            return
        more = [cell for cell in record[len(self._names) :] if cell.strip()]
        if any(cell.strip() for cell in record[self._most :]):
            raise BadRow(
                f"This row has {len(record)} cells, but there are {len(self._names)} columns. "
                "Check its delimiters and quotes."
            )
        if more and not self._told_beside:
            self._told_beside = True
            self.remark = (
                f'Beside the table stands "{more[0][:60]}" in a column without a name, which is not read. '
                "Give the column a name to have it as data."
            )


def _header_at(source: Iterator[Record], top: list[Record], options: ImportOptions) -> int | None:
    """Return the place of the header in `top`, into which the first records go; None for a file without cells.

    It is the first that names a prompt, else the first that is not a title over a wider table.
    """
    wanted = {squeezed(name) for name in options.columns.values()}
    first: int | None = None
    for record in source:
        top.append(record)
        if not isinstance(record, Sequence):
            if first is None:
                return len(top) - 1
            break
        filled = [cell for cell in record if cell.strip()]
        if not filled:
            continue
        looked_at = record[:MOST_COLUMNS]
        fields = {field_of(cell) for cell in looked_at}
        if "prompt" in fields or (wanted and wanted <= {squeezed(cell) for cell in looked_at}):
            below = first is None or not _is_wide(top[first]) or {"prompt", "model"} <= fields
            below = below or (first is not None and sums.is_groups(top[first], record))
            return len(top) - 1 if below else first
        if first is None or (len(filled) > 1 and not _is_wide(top[first])):
            first = len(top) - 1
        if len(top) >= _LOOKED_AT:
            break
    return first


def _is_wide(record: Record) -> bool:
    return isinstance(record, Sequence) and sum(bool(cell.strip()) for cell in record) > 1


def _above(records: Sequence[Record]) -> list[str]:
    titles = [
        " ".join(filter(None, record)) for record in records if isinstance(record, Sequence) and any(record)
    ]
    titles = [title for title in titles if title.strip()]
    if not titles:
        return []
    return [f'What stands above the header is not read: "{titles[0].strip()[:60]}".']


def _numbered(source: Iterator[Record], top: list[Record]) -> Record:
    """Names for the columns of a table without a header: column_1 and so on, or prompt for the only one."""
    top.extend(_some(source))
    width = max((len(record) for record in top if isinstance(record, Sequence)), default=0)
    return ["prompt"] if width == 1 else [f"column_{number}" for number in range(1, width + 1)]


def _some(source: Iterator[Record]) -> list[Record]:
    return [record for record, _ in zip(source, range(_TOP_RECORDS), strict=False)]


def _names(header: Sequence[str]) -> tuple[list[str], int]:
    """The names of the columns, and how many columns without a name follow."""
    names = list(header)
    while names and not names[-1].strip():
        names.pop()
    return names, len(header) - len(names)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name[:40]}"' for name in names[:20])
    return shown + (" and more" if len(names) > 20 else "")


def _without_bad_bytes(shown: Mapping[str, str]) -> dict[str, Any]:
    return {name: BAD_BYTE.sub(_BAD, cell) for name, cell in shown.items()}
