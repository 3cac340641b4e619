"""xAI's free tokenizer, on the simulator's tokens of four bytes each (pure)."""

from __future__ import annotations

import orjson

from sidecar.simulator.bodies import mapping, read_json
from sidecar.simulator.counting import BYTES_PER_TOKEN
from sidecar.simulator.exchange import Refusal, Refused


def tokenized(body: bytes) -> bytes:
    """The tokens of `text`. Raises Refused when there is none."""
    needed = Refusal(422, "Failed to deserialize the JSON body: `text` and `model` are needed.")
    asked = mapping(read_json(body, needed))
    text = asked.get("text")
    if not isinstance(text, str) or not isinstance(asked.get("model"), str):
        raise Refused(needed)
    data = text.encode("utf-8", "replace")
    pieces = [data[at : at + BYTES_PER_TOKEN] for at in range(0, len(data), BYTES_PER_TOKEN)]
    tokens = [
        {
            "token_id": number,
            "string_token": piece.decode("utf-8", "replace"),
            "token_bytes": list(piece),
        }
        for number, piece in enumerate(pieces)
    ]
    return orjson.dumps({"token_ids": tokens})
