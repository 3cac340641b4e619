"""The paths and lists that OpenAI has, and those who speak like it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

CHAT_PATH = "/v1/chat/completions"
RESPONSES_PATH = "/v1/responses"


def model_rows(ids: Sequence[str], *, owner: str) -> list[dict[str, Any]]:
    """Return the rows of the list of models."""
    return [{"id": id_, "object": "model", "created": 0, "owned_by": owner} for id_ in ids]


def model_list(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return the answer of `/v1/models`."""
    return orjson.dumps({"object": "list", "data": rows})
