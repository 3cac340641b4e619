"""What a gateway says that one call cost, by the id of its answer: OpenRouter's own record, with the ordinary key."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.errors import Failure
from sidecar.providers.base import Usage
from sidecar.providers.kernel.client import VendorClient, in_path
from sidecar.providers.kernel.json_values import as_amount, as_count, as_mapping


async def call_record(api: VendorClient, roots: Sequence[str], key: str, response_id: str) -> Usage | None:
    """Return what was used and charged; None where there is no record of that call. Raises Failure."""
    for root in roots:
        try:
            answer = await api.json("GET", f"{root}/generation?id={in_path(response_id)}", api.asked(key))
        except Failure as failure:
            if failure.status in (400, 404, 405, 501):
                continue
            raise
        data = as_mapping(answer.get("data"))
        total = as_amount(data.get("total_cost"))
        if data.get("id") != response_id or total is None:
            return None
        if data.get("is_byok"):
            # Then the total is the gateway's fee, and what the vendor behind it took comes on top.
            upstream = as_amount(data.get("upstream_inference_cost"))
            if upstream is None:
                return None
            total += upstream
        prompt = as_count(data.get("native_tokens_prompt"))
        cached = min(as_count(data.get("native_tokens_cached")), prompt)
        output = as_count(data.get("native_tokens_completion"))
        reasoning = min(as_count(data.get("native_tokens_reasoning")), output)
        return Usage(
            in_uncached=prompt - cached,
            cache_read=cached,
            out_visible=output - reasoning,
            out_reasoning=reasoning,
            prompt_total=prompt,
            charged_usd=total,
        )
    return None
