"""Parquet files as rows, by a library that is installed for it and imported only then."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from sidecar.batch.files.excel_cells import date_text
from sidecar.batch.files.numbers import Spelled, kept_by_javascript
from sidecar.batch.files.refusals import not_installed, refused

_BATCH_ROWS = 1_000


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins so is one of Parquet."""
    return head.startswith(b"PAR1")


def parquet_objects(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row of a Parquet file as an object, without what is null. Raise as workbooks do."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise not_installed("Parquet files", "pyarrow") from None
    import pyarrow

    number = 0
    try:
        file = parquet.ParquetFile(stream)
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for record in batch.to_pylist():
                number += 1
                values = {name: _value(value) for name, value in record.items()}
                yield number, {name: value for name, value in values.items() if value is not None}
    except (pyarrow.ArrowException, OSError) as error:
        raise refused(f"The Parquet file cannot be read ({str(error)[:200]}). Write it anew.") from None


def _value(value: Any) -> Any:
    """A value of a column as one of JSON, with numbers that JavaScript would respell as they are written."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float):
        return value if kept_by_javascript(repr(value)) else Spelled(repr(value))
    if isinstance(value, Decimal):
        return Spelled(format(value, "f"))
    if isinstance(value, dict):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime.date | datetime.time):
        return date_text(value)
    return None if value is None else str(value)
