"""OpenRouter's record of one call, `/generation?id=`: what it charged, for whoever has the id of the answer."""

from __future__ import annotations

from typing import Any

import orjson

from sidecar.simulator.billing import BilledCall, BillLook
from sidecar.simulator.bodies import utc_text
from sidecar.simulator.exchange import Refusal, Refused
from sidecar.simulator.models import ANY_MODEL

PATH = "/v1/generation"


def answer(look: BillLook) -> bytes | None:
    """Return the record; None for another path. Raise Refused where there is none yet, or none at all."""
    if look.path != PATH:
        return None
    wanted = look.request.query.get("id", "")
    for call in look.calls(ANY_MODEL, 0, look.now_ms + 1):
        if wanted == f"chatcmpl-{call.id}":
            return orjson.dumps({"data": _record(wanted, call)})
    raise Refused(Refusal(404, f"Generation {wanted} not found", code="not_found"))


def _record(id_: str, call: BilledCall) -> dict[str, Any]:
    usage = call.usage
    total = float(sum(call.units.values()))
    return {
        "id": id_,
        "model": call.model,
        "total_cost": total,
        "usage": total,
        "upstream_inference_cost": None,
        "is_byok": False,
        "native_tokens_prompt": usage.prompt_total,
        "native_tokens_completion": usage.out_total,
        "native_tokens_reasoning": usage.out_reasoning,
        "native_tokens_cached": usage.cache_read,
        "num_search_results": None,
        "cache_discount": None,
        "provider_name": "Simulated",
        "created_at": utc_text(call.at_ms),
    }
