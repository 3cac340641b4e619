"""The quick way to a row of text cells and the general one give the same row, or the same reason for none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sidecar.batch.files.columns import BadRow
from sidecar.batch.files.layout import layout_of
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.text_cells import CellRows

NAMES = ("id", "prompt", "Question", "instruction", "input", "output", "answer", "model", "System Prompt")
MORE = ("temperature", "max_tokens", "jsonMode", "jsonSchema", "topic", "data.id", "__prefix")
CELLS = st.sampled_from(
    [
        "",
        " ",
        "x",
        "{{topic}}",
        "{{Question}} {{prompt}}",
        "4,000",
        "0,5",
        "9",
        "yes",
        '{"type": "object"}',
        " m ",
    ]
)
OPTIONS = st.builds(
    ImportOptions,
    models=st.sampled_from([(), ("a/b",), ("a/b", "c/d")]),
    template=st.sampled_from([None, "Say {{topic}}", "{{Question}}"]),
    columns=st.sampled_from([{}, {"prompt": "topic"}, {"system": "answer"}]),
)


@given(st.lists(st.sampled_from(NAMES + MORE), min_size=1, unique=True), OPTIONS, st.data())
def test_a_row_is_the_same_whichever_way_it_is_made(
    names: Sequence[str], options: ImportOptions, data: st.DataObject
) -> None:
    layout = layout_of(names, options, table=True)
    cells = [data.draw(CELLS) for _ in names]
    values = [
        None if column.field and not cell.strip() else cell
        for column, cell in zip(layout.columns, cells, strict=True)
    ]
    assert made(lambda: CellRows(layout, options).row(cells)) == made(lambda: layout.row(values, {}, options))


def made(work: Any) -> Any:
    try:
        return work()
    except BadRow as error:
        return str(error)
