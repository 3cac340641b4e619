"""Opaque page cursors: base64 of JSON, so that no client builds one by hand."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from sidecar.errors import Failure


def encode(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *shape: type) -> list[Any]:
    """The key that `encode` was given. Raises Failure("invalid_params") unless its values are of these types."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise garbled() from None
    if not isinstance(key, list) or [type(value) for value in key] != list(shape):
        raise garbled()
    # SQLite's integers have 64 bits, and binding more is an error of its own.
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in key):
        raise garbled()
    return key


def garbled() -> Failure:
    return Failure(
        "invalid_params",
        "This page of the list is not known. Load the list again from the start.",
        issues=[{"path": "cursor", "message": "is not a cursor that was given out"}],
    )
