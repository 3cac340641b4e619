"""gRPC's numbers for what went wrong, in HTTP's (pure)."""

from __future__ import annotations

from typing import Any

# From https://grpc.io/docs/guides/status-codes/, in their order.
_HTTP = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)


def http_status(code: Any) -> Any:
    """The HTTP status of one of gRPC's numbers; anything else as it is."""
    if isinstance(code, int) and not isinstance(code, bool) and 0 < code < len(_HTTP):
        return _HTTP[code]
    return code
