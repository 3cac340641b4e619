"""Rows as JSON: one line each (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.store.columns import storable, to_json


def encode(value: Mapping[str, Any]) -> bytes:
    """One line of JSON. Halves of surrogate pairs are replaced; integers keep all their digits."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return to_json(_clean(value)).encode("ascii")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(name): _clean(item) for name, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
