"""The vendors' own figures as they come over the wire: pages, cents as text, a key of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, chat_chunk, serving, stream, whole
from tests.field.lab import KEY, own_models, refused, sidecar, vendor_environment

ADMIN = "sk-admin-9Qz7Lm2WpXr8TnB5"
OPENAI = {
    "": {
        "object": "page",
        "data": [
            {
                "start_time": 1795132800,
                "results": [
                    {"amount": {"value": "0.75", "currency": "usd"}, "line_item": "gpt-6-luna, input"},
                    {"amount": {"value": 0.25, "currency": "usd"}, "line_item": "gpt-6-luna, output"},
                    {"amount": {"value": None}, "line_item": "gpt-6-luna, cached input"},
                ],
            },
            {"start_time": 1795219200, "results": []},
        ],
        "has_more": True,
        "next_page": "p2",
    },
    "page=p2": {
        "data": [
            {
                "start_time": 1795305600,
                "results": [{"amount": {"value": 2, "currency": "usd"}, "line_item": None}],
            }
        ],
        "has_more": False,
        "next_page": None,
    },
}
ANTHROPIC = {
    "": {
        "data": [
            {
                "starting_at": "2026-11-20T00:00:00Z",
                "group": {"model": "claude-haiku-5-5", "token_type": "output_tokens"},
                "cost": {"amount": "12.34567", "list_amount": "20", "currency": "USD", "requests": 3},
            }
        ],
        "has_more": False,
        "next_page": None,
    }
}


@pytest.mark.parametrize(
    ("vendor", "header", "pages", "theirs"),
    [
        ("openai", "authorization", OPENAI, [("openai/gpt-6-luna", 1.0), ("openai/other", 2.0)]),
        ("anthropic", "x-api-key", ANTHROPIC, [("anthropic/claude-haiku-5-5", 0.1234567)]),
    ],
)
async def test_a_bill_is_read_to_its_last_page_with_the_admin_key_alone(
    vendor: str, header: str, pages: dict[str, Any], theirs: list[tuple[str, float]], tmp_path: Path
) -> None:
    def script(asked: Asked) -> Answer:
        return whole(pages[next((each for each in pages if each and each in asked.target), "")])

    async with serving(script) as server:
        environment = vendor_environment(server.url, vendor) | {f"{vendor.upper()}_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            days = {"from": "2026-11-20", "to": "2026-11-22"}
            result = await process.call("cost:reconcile", {"provider": vendor, **days})
    assert [(day["model"], day["theirsUSD"]) for day in result["days"]] == theirs
    assert len(server.asked) == len(pages)
    assert all(ADMIN in asked.headers[header] and KEY not in str(asked.headers) for asked in server.asked)


async def test_a_call_that_broke_off_is_settled_by_the_gateway_s_own_record_of_it(tmp_path: Path) -> None:
    record = {
        "id": "c1",
        "total_cost": 0.0123456789,
        "is_byok": False,
        "native_tokens_prompt": 1000,
        "native_tokens_completion": 50,
    }

    def script(asked: Asked) -> Answer:
        if asked.path == "/v1/generation":
            assert asked.target.endswith("?id=c1")
            return whole({"data": record})
        return stream(chat_chunk({"content": "Good"}))

    async with serving(script) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await refused(process)
        days = {"from": "2020-01-01", "to": "2099-12-31"}
        result = await process.call("cost:reconcile", {"provider": "lab", **days})
        [day] = result["days"]
        assert (day["oursUSD"], day["uncertain"]) == (0.0123456789, 0)
        assert result["notes"][0] == "Settled by the server's own record of the call: c1."
        stats = await process.call("activity:stats", {})
        assert stats["totalCost"] == 0.0123456789
