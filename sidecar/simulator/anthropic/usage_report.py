"""Anthropic's usage by time: `usage_report/messages` counts tokens, `analytics/usage` counts calls too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson

from sidecar.simulator.billing import MINUTE_MS, BilledCall, BillLook, page_of
from sidecar.simulator.bodies import page_size, utc_text
from sidecar.simulator.exchange import Refusal, Refused, SimRequest

MESSAGES = "/v1/organizations/usage_report/messages"
ANALYTICS = "/v1/organizations/analytics/usage"
WIDTHS = {"1m": MINUTE_MS, "1h": 60 * MINUTE_MS, "1d": 1_440 * MINUTE_MS}
# Of a width, how many buckets a page has where nobody says it, and at most.
PAGES = {"1m": (60, 1_440), "1h": (24, 168), "1d": (7, 31)}
Kind = tuple[str, str]


def answer(look: BillLook) -> bytes | None:
    """Return the page that is asked for; None for another path. Raise Refused for what is asked wrongly."""
    if look.path not in (MESSAGES, ANALYTICS):
        return None
    name = "bucket_width" if look.path == MESSAGES else "time_bucket_width"
    width = look.request.query.get(name, "1d")
    if width not in WIDTHS:
        raise Refused(Refusal(400, f"{name}: Input should be '1d', '1h' or '1m'"))
    first, end = (_ms(look.request, each) for each in ("starting_at", "ending_at"))
    step, (usual, most) = WIDTHS[width], PAGES[width]
    first -= first % step
    starts = range(first, max(first, end), step)
    size = page_size(look.request.query, usual=usual, most=most)
    shown, following = page_of(starts, look.request.query.get("page", ""), size)
    within = look.calls("anthropic", first, end)
    data: list[dict[str, Any]] = []
    for start in shown:
        same = [call for call in within if start <= call.at_ms < start + step]
        told = {"starting_at": utc_text(start), "ending_at": utc_text(start + step)}
        if look.path == MESSAGES:
            data.append({**told, "results": [_result(kind, each) for kind, each in _kinds(same)]})
        else:
            data += [{**told, "group": _group(kind), "usage": _counts(each)} for kind, each in _kinds(same)]
    return orjson.dumps({"data": data, "has_more": following is not None, "next_page": following})


def _ms(request: SimRequest, name: str) -> int:
    try:
        return int(datetime.fromisoformat(request.query[name]).timestamp()) * 1_000
    except (KeyError, ValueError):
        raise Refused(Refusal(400, f"{name}: Field required")) from None


def _kinds(calls: Iterable[BilledCall]) -> list[tuple[Kind, list[BilledCall]]]:
    ordered = sorted(calls, key=_kind)
    return [(kind, list(same)) for kind, same in groupby(ordered, key=_kind)]


def _kind(call: BilledCall) -> Kind:
    return call.model, call.tier


def _group(kind: Kind) -> dict[str, str]:
    return {"model": kind[0], "service_tier": kind[1]}


def _tokens(calls: Sequence[BilledCall]) -> Mapping[str, Any]:
    usages = [call.usage for call in calls]
    return {
        "uncached_input_tokens": sum(each.in_uncached for each in usages),
        "cache_read_input_tokens": sum(each.cache_read for each in usages),
        "cache_creation": {
            "ephemeral_5m_input_tokens": sum(each.cache_write_short for each in usages),
            "ephemeral_1h_input_tokens": sum(each.cache_write_long for each in usages),
        },
        "output_tokens": sum(each.out_total for each in usages),
        "server_tool_use": {"web_search_requests": sum(each.searches for each in usages)},
    }


def _result(kind: Kind, calls: Sequence[BilledCall]) -> dict[str, Any]:
    """A result of the older report, in which nobody says of how many calls it is."""
    nobody = {"api_key_id": None, "workspace_id": None, "context_window": None}
    return {**_group(kind), **_tokens(calls), **nobody, "inference_geo": "global"}


def _counts(calls: Sequence[BilledCall]) -> dict[str, Any]:
    return {**_tokens(calls), "requests": len(calls)}
