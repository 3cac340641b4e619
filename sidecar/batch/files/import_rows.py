"""Rows from a file or a text: the good ones, and for each bad one a sentence. Only the result stands in memory."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

from sidecar.batch.files import (
    csv_text,
    cut_cells,
    html_tables,
    json_tables,
    markdown,
    no_text,
    objects,
    other_texts,
    parquet_in,
    plain_lines,
    secret_texts,
    seen,
    workbooks,
    wrapped,
)
from sidecar.batch.files.encodings import TextEncoding, find_encoding, named_encoding, unreadable
from sidecar.batch.files.json_text import encode
from sidecar.batch.files.names import field_of
from sidecar.batch.files.object_rows import object_rows
from sidecar.batch.files.options import AS_IT_IS, ImportOptions
from sidecar.batch.files.refusals import refused
from sidecar.batch.files.row_errors import Read, RowError, RowErrors, encoded
from sidecar.batch.files.row_ids import with_ids
from sidecar.batch.files.seen import Seen
from sidecar.batch.files.tables import csv_rows, table_rows
from sidecar.errors import Failure
from sidecar.store.atomic_files import file_failure, source_file
from sidecar.store.stoppable import Pulse, in_thread

Format = Literal["csv", "json", "jsonl"]

MAX_FILE_BYTES = 256 * 1024 * 1024
# Half of the longest text that a renderer can hold.
MAX_RESULT_BYTES = 256 * 1024 * 1024
_HEAD_BYTES = 256 * 1024
# Endings of files that may be a list of prompts, a line each.
_PLAIN = ("txt", "text", "")
_IN_COLUMNS = TextEncoding("parquet")

# What a name says counts only where the first character says nothing.
_KIND_OF: Mapping[str, objects.Kind] = {
    "json": "array",
    "jsonl": "lines",
    "ndjson": "lines",
}


async def import_file(path: str, options: ImportOptions = AS_IT_IS) -> bytes:
    """The rows of a file as the JSON of a BatchImportResult.

    Raises Failure("not_found"), Failure("invalid_params") and Failure("storage_error").
    """
    return await in_thread(lambda pulse: _import_file(source_file(path), options, pulse))


async def import_text(text: str, format: Format, options: ImportOptions = AS_IT_IS) -> bytes:  # noqa: A002
    """As `import_file`, from a text."""

    def work(pulse: Pulse) -> bytes:
        stream = io.BytesIO(text.encode("utf-8", "replace"))
        return collect(read_rows(stream, format, pulse, options), options)

    return await in_thread(work)


def _import_file(path: Path, options: ImportOptions, pulse: Pulse) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // 1024**2
            raise refused(f"{path.name} is larger than {limit} MB. Split it, or submit it by its path.")
        with path.open("rb") as file:
            return collect(read_rows(file, path.suffix.lower().removeprefix("."), pulse, options), options)
    except OSError as error:
        raise file_failure(error, path) from error


def collect(found: Generator[Read, None, None], options: ImportOptions = AS_IT_IS) -> bytes:
    """The JSON of a BatchImportResult.

    Raises Failure("invalid_params") when it is larger than anybody can take, "message_too_large" for one message.
    """
    rows, errors = io.BytesIO(), RowErrors()
    looked_at: Seen | None = None
    rows.write(b'{"rows":[')
    separator = b""
    with closing(found):
        for number, outcome in found:
            if isinstance(outcome, Seen):
                looked_at = outcome
                continue
            row = outcome if isinstance(outcome, RowError) else encoded(outcome)
            if isinstance(row, bytes):
                rows.write(separator + row)
                separator = b","
            else:
                errors.add(number, row)
            if rows.tell() > MAX_RESULT_BYTES:
                raise refused(
                    "These are too many rows for one import. Submit the file by its path, or split it."
                )
    rows.write(b'],"errors":' + errors.as_json())
    if looked_at is not None and not separator:
        rows.write(b',"seen":' + encode(seen.as_wire(looked_at, options)))
    rows.write(b"}")
    if rows.tell() > options.message_bytes:
        raise Failure("message_too_large", _more_than_a_message(rows.tell(), options.message_bytes))
    return rows.getvalue()


def read_rows(
    stream: BinaryIO,
    name: str,
    pulse: Pulse = lambda: None,
    options: ImportOptions = AS_IT_IS,
) -> Generator[Read, None, None]:
    """Each row, or why it is none, by its number from 1 as a spreadsheet counts: empty rows count, the header does not.

    `name` is a format or the ending of a file's name. A row without an id gets one of its number; where several
    models are named, a row that names none comes once for each. Last comes what was seen of the file. Raises
    Failure("invalid_params") when the stream is no text.
    """
    if (binary := _binary(stream, options)) is not None:
        yield from with_ids(secret_texts.told(binary), pulse, options)
        return
    try:
        encoding = named_encoding(options.encoding) if options.encoding else find_encoding(stream, pulse)
    except Failure:
        no_text.refuse_bytes(stream)
        raise
    if not encoding.is_wide:
        no_text.refuse_bytes(stream)
    head, whole = _head(stream, encoding)

    def has_header() -> bool:
        return any(_names_prompt(line, options) for line in head.splitlines()[:20])

    secret_texts.refuse(head, has_header)
    if (found := _inside(stream, encoding, head, name, options)) is not None:
        content, form = found
        yield 0, RowError(f"The rows are read out of {form}.")
        yield from read_rows(io.BytesIO(content), "", pulse, replace(options, encoding=None))
        return
    kind = objects.kind_of(
        head, _KIND_OF.get(name, "table"), lambda line: _names_prompt(line, options), whole=whole
    )
    if kind != "table" and encoding.remark is not None:
        raise unreadable(encoding, "UTF-8")
    if kind in ("array", "object") and other_texts.begins_with_comment(head):
        yield 0, RowError(other_texts.COMMENT)
        return
    if encoding.remark is not None:
        yield 0, RowError(encoding.remark)
    if other_texts.is_page(head, name):
        yield from with_ids(secret_texts.told(_read_page(stream, encoding, options)), pulse, options)
        return
    if kind == "table" or name == "toml":
        other_texts.refuse(head, name)
        if not has_header():
            other_texts.refuse_by_name(name)
    if (
        kind == "table"
        and name in _PLAIN
        and not markdown.is_table(head)
        and plain_lines.is_list(head, options, _is_field)
    ):
        if plain_lines.is_drawn_table(head, _is_field):
            raise refused(plain_lines.DRAWN)
        read = _read_lines(stream, encoding, options)
    elif kind == "table":
        read = cut_cells.told(_read_csv(stream, encoding, options))
    else:
        read = object_rows(objects.values(stream, encoding, kind), encoding, options)
    yield from with_ids(secret_texts.told(read), pulse, options)


def _binary(stream: BinaryIO, options: ImportOptions) -> Iterator[Read] | None:
    """The rows of a workbook or of a Parquet file, None for a text. Raises Failure("invalid_params") for neither."""
    head = stream.read(4)
    stream.seek(0)
    if parquet_in.is_parquet(head):
        return object_rows(parquet_in.parquet_objects(stream), _IN_COLUMNS, options, columns=True)
    if (kind := workbooks.kind_of(stream, head)) is not None:
        records, remarks = workbooks.read_workbook(stream, kind, options)
        said: list[Read] = [(0, RowError(remark)) for remark in remarks]
        return chain(said, cut_cells.told(table_rows(records, TextEncoding(kind), options)))
    no_text.refuse(stream)
    return None


def _head(stream: BinaryIO, encoding: TextEncoding) -> tuple[str, bool]:
    """How the stream begins, and whether that is all of it."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    # It may end in the middle of a letter.
    return head.decode(encoding.name, "ignore"), len(head) < _HEAD_BYTES


def _names_prompt(line: str, options: ImportOptions) -> bool:
    cells = next(iter(csv_text.first_records(line, csv_text.delimiter_of(line, _is_field))), [])
    return "prompt" in {field_of(cell) for cell in cells} or (len(cells) > 1 and any(map(_is_field, cells)))


def _is_field(cell: str) -> bool:
    return field_of(cell) is not None


def _inside(
    stream: BinaryIO, encoding: TextEncoding, head: str, name: str, options: ImportOptions
) -> tuple[bytes, str] | None:
    """What stands in a file in another form, and what that is called; None for a file that is what it seems."""
    is_page = other_texts.is_page(head, name)
    if not is_page and not wrapped.may_be(head):
        return None

    def is_rows(begin: str) -> bool:
        text = begin.lstrip("\ufeff \t\r\n")
        return text.startswith(("{", "[")) or _names_prompt(text.partition("\n")[0], options)

    text = _whole(stream, encoding)
    if not is_page:
        return wrapped.inside(text, is_rows)
    shown = html_tables.text_in(text)
    return (shown.encode("utf-8", "replace"), "a web page") if shown is not None and is_rows(shown) else None


def _whole(stream: BinaryIO, encoding: TextEncoding) -> str:
    """All of a text that can only be read as a whole. Raises Failure("invalid_params") for one that is too large."""
    content = stream.read(wrapped.MOST_CHARS + 1)
    stream.seek(0)
    if len(content) > wrapped.MOST_CHARS:
        raise refused(
            "The file is too large to be read in this form. Save its table as CSV, XLSX or JSON Lines."
        )
    try:
        return content.decode(encoding.name, encoding.errors)
    except UnicodeError:
        raise unreadable(encoding) from None


def _read_page(stream: BinaryIO, encoding: TextEncoding, options: ImportOptions) -> Iterator[Read]:
    wanted = set(options.columns.values())
    rows = html_tables.table_in(
        _whole(stream, encoding),
        lambda record: json_tables.names_prompt(record) or bool(wanted.intersection(record)),
    )
    if rows is None:
        other_texts.refuse_page()
    return table_rows(rows, encoding, options)


def _read_csv(stream: BinaryIO, encoding: TextEncoding, options: ImportOptions) -> Iterator[Read]:
    text = io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="")
    try:
        sample = csv_text.sample_of(text)
        text.seek(0)
        yield from csv_rows(iter(text), sample, encoding, options)
    except UnicodeError:
        raise unreadable(encoding) from None
    finally:
        text.detach()


def _read_lines(stream: BinaryIO, encoding: TextEncoding, options: ImportOptions) -> Iterator[Read]:
    text = io.TextIOWrapper(stream, encoding.name, encoding.errors)
    yield 0, RowError("The file has no columns: each of its lines is read as a prompt.")
    try:
        yield from table_rows(plain_lines.records(text), encoding, replace(options, header=False))
    except UnicodeError:
        raise unreadable(encoding) from None
    finally:
        text.detach()


def _more_than_a_message(size: int, most: int) -> str:
    return (
        f"These rows are {size / 1024**2:,.1f} MB, and one message carries {most / 1024**2:,.1f} MB. "
        "Submit the file by its path, which any size may have, or split it."
    )
