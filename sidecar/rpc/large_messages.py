"""Messages that take long to read, with turns for everybody else meanwhile."""

from __future__ import annotations

from typing import Any

from sidecar.give_way import give_way
from sidecar.rpc import codec, long_list
from sidecar.spared import spared


async def loads_in_turns(data: bytes) -> Any:
    """As `codec.loads`, with a turn for everybody else after every piece of a long list among the params."""
    found = long_list.begins(data)
    if found is None:
        return codec.loads(data)
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
