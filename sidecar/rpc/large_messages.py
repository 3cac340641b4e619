"""Messages that take long to read, with turns for everybody else meanwhile."""

from __future__ import annotations

from typing import Any

from sidecar.give_way import give_way
from sidecar.rpc import codec, long_list
from sidecar.spared import spared

# Takes some milliseconds.
_COUNTED_BYTES = 4 * 1024 * 1024


async def loads_in_turns(data: bytes) -> Any:
    """As `codec.loads`, with a turn for everybody else after every piece of a long list among the params."""
    found = long_list.begins(data)
    if found is None:
        return await _whole(data)
    name, position = found
    head, elements, marks = data[:position], list[Any](), 0
    with spared():
        while len(data) - position > 2 * long_list.PIECE_BYTES:
            piece = long_list.next_piece(data, position)
            if piece is None:
                return codec.loads(data)
            values, end = piece
            marks += codec.marks(data[position:end])
            # The list stands in the params, and those in the message.
            if marks > codec.MAX_VALUES or codec.too_deep(values, codec.MAX_DEPTH - 2):
                return codec.loads(data)
            elements += values
            position = end
            await give_way()
    if name in data[position:]:
        # Said twice, it means what is said last.
        return codec.loads(data)
    message = codec.loads(head + data[position:])
    listed = message["params"][name[1:-1].decode()]
    listed[:0] = elements
    return message


async def _whole(data: bytes) -> Any:
    """A message that is long by a text of its own, which is read in one piece: only its marks are counted in turns."""
    brackets = others = 0
    for begin in range(0, len(data), _COUNTED_BYTES):
        piece = data[begin : begin + _COUNTED_BYTES]
        brackets += codec.opened(piece)
        others += piece.count(b",") + piece.count(b":")
        await give_way()
    if len(data) > codec.MAX_VALUES and brackets + others > codec.MAX_VALUES:
        codec.refuse_many(data)
        await give_way()
    return codec.parse(data, brackets)
