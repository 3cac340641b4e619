"""What a server of a person's own refuses, as its habits have it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.bodies import mapping
from sidecar.simulator.compatible.quirks import QuirkRefusal, quirks_of
from sidecar.simulator.exchange import ParsedRequest, Refused
from sidecar.simulator.models import SimModel


def check(body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None) -> None:
    """Raise Refused for what this server does not take."""
    quirks = quirks_of(parsed)
    if model is None:
        raise Refused(QuirkRefusal(404, f"model '{parsed.model}' not found", shape=quirks.error))
    if quirks.refuse:
        raise Refused(QuirkRefusal(quirks.refuse, "The server was told to refuse.", shape=quirks.error))
    for field in sorted(quirks.dislikes & body.keys()):
        message = f"Extra inputs are not permitted: {field}"
        raise Refused(QuirkRefusal(400, message, param=field, shape=quirks.error))
    if quirks.json == "object" and mapping(body.get("response_format")).get("type") == "json_schema":
        message = "'response_format.type' must be 'json_object' or 'text'"
        raise Refused(QuirkRefusal(400, message, param="response_format", shape=quirks.error))
