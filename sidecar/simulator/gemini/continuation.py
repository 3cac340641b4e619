"""The token with which a long answer goes on: how much was said and spent in the parts before (pure)."""

from __future__ import annotations

import base64
from typing import Any

from sidecar.simulator.gemini.errors import invalid


def continuation_token(said: int, spent: int) -> str:
    """Return the token of an answer with so many visible tokens, and so many in all."""
    return base64.b64encode(f"{said} {spent}".encode()).decode()


def read_continuation(token: Any) -> tuple[int, int]:
    """Return (said, spent), noughts for the first part. Raise Refused for a token of nobody's."""
    if token is None:
        return 0, 0
    try:
        # The official client writes the alphabet that is safe in URLs.
        said, spent = base64.urlsafe_b64decode(str(token).replace("+", "-").replace("/", "_")).split()
        return int(said), int(spent)
    except ValueError:
        raise invalid("The continuation token is invalid.") from None
