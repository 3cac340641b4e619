"""A table of rows as a Parquet file, by a library that is installed for it and imported only then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, BinaryIO

from sidecar.errors import Failure

# Of other columns the values are text.
TYPED = {
    "temperature": "float64",
    "maxOutputTokens": "int64",
    "jsonMode": "bool_",
    "rowIndex": "int64",
    "tokens_in": "int64",
    "tokens_out": "int64",
    "latency_ms": "int64",
    "attempts": "int64",
}
_GROUP_ROWS = 10_000


def write(file: BinaryIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the rows in groups and return how many there were. Raise Failure("invalid_params") without the library."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise Failure(
            "invalid_params",
            "Parquet files need a library that is not installed here. Install it with `pip install pyarrow`, "
            "or export to CSV or JSON Lines.",
        ) from None
    schema = pyarrow.schema([(name, getattr(pyarrow, TYPED.get(name, "string"))()) for name in columns])
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for group in _groups(iter(rows)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _groups(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while group := list(islice(rows, _GROUP_ROWS)):
        yield group
