"""The vendors' own figures as they come over the wire: pages, cents as text, a key of their own."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.bills import MinuteUsage
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.provider import OpenAI
from tests.field.hostile import Answer, Asked, chat_chunk, serving, stream, whole
from tests.field.lab import KEY, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError

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


def activity(day: str, **more: Any) -> dict[str, Any]:
    row = {"date": f"{day} 00:00:00", "model": "m", "model_permaslug": "m-0101", "provider_name": "Lab"}
    return {**row, "usage": 0.5, "byok_usage_inference": 0, "requests": 3, **more}


@pytest.mark.parametrize("every_day", [False, True], ids=["of the day", "of all days whatever is asked"])
async def test_a_gateway_s_activity_is_read_day_by_day_with_a_key_for_that_alone(
    tmp_path: Path, every_day: bool
) -> None:
    days = {
        "2026-11-20": [activity("2026-11-20"), activity("2026-11-20", usage=0.1, byok_usage_inference=0.25)],
        "2026-11-21": [],
        "2026-11-22": [activity("2026-11-22", model="other/m2"), activity("2026-11-22", usage=None)],
    }

    def script(asked: Asked) -> Answer:
        assert ADMIN in asked.headers["authorization"], "the key for asking reads no bill"
        assert asked.path == "/v1/activity"
        day = asked.target.partition("?date=")[2]
        if day not in days:
            return whole({"error": {"code": 400, "message": "Date must be within the last 30 days"}}, 400)
        rows = [row for each in days.values() for row in each] if every_day else days[day]
        return whole({"data": rows})

    async with serving(script) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        asked = {"provider": "lab", "from": "2026-11-19", "to": "2026-11-23"}
        with pytest.raises(RpcError, match="save that as lab-admin"):
            await process.call("cost:reconcile", asked)
        await process.call("settings:save", {"key": "apiKey", "provider": "lab-admin", "value": ADMIN})
        result = await process.call("cost:reconcile", asked)
    assert [(day["day"], day["model"], day["theirsUSD"]) for day in result["days"]] == [
        ("2026-11-20", "lab/m", 0.85),
        ("2026-11-22", "lab/other/m2", 0.5),
    ]


async def test_a_server_without_such_a_list_says_so_and_a_vendor_without_one_takes_no_such_key(
    tmp_path: Path,
) -> None:
    async with (
        serving(whole({"detail": "Not Found"}, 404)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await process.call("settings:save", {"key": "apiKey", "provider": "lab-admin", "value": ADMIN})
        with pytest.raises(RpcError, match="no list of what was spent"):
            await process.call(
                "cost:reconcile", {"provider": "lab", "from": "2026-11-19", "to": "2026-11-23"}
            )
        with pytest.raises(RpcError, match="Say whose key is meant"):
            await process.call("settings:save", {"key": "apiKey", "provider": "grok-admin", "value": ADMIN})


async def test_a_record_that_cannot_be_had_is_in_nobody_s_way(tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer:
        if asked.path == "/v1/generation":
            return whole({"error": {"message": "Only for management keys", "code": 403}}, 403)
        return stream(chat_chunk({"content": "Good"}))

    async with serving(script) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await refused(process)
        await refused(process)
        bill = {"from": "2020-01-01", "to": "2099-12-31", "text": "date,model,cost\n2026-11-20,m,0.5\n"}
        result = await process.call("cost:reconcile", {"provider": "lab", **bill})
    assert sum(day["uncertain"] for day in result["days"]) == 2
    assert result["theirsUSD"] == 0.5
    assert "could not all be looked up" in result["notes"][0]
    assert sum(asked.path == "/v1/generation" for asked in server.asked) == 1


OLDER = {
    "data": [
        {
            "starting_at": "2026-11-20T00:00:00Z",
            "results": [
                {
                    "amount": "12.5",
                    "currency": "USD",
                    "model": "claude-haiku-5-5",
                    "token_type": "output_tokens",
                },
                {"amount": "2.5", "currency": "USD", "model": None, "description": "Web Search Usage"},
                {"amount": "7", "currency": "EUR", "model": "claude-haiku-5-5"},
            ],
        }
    ],
    "has_more": False,
}


@pytest.mark.parametrize("status", [403, 404])
async def test_a_key_that_reads_the_older_report_alone_is_enough(tmp_path: Path, status: int) -> None:
    def script(asked: Asked) -> Answer:
        if asked.path == "/v1/organizations/cost_report":
            return whole(OLDER)
        said = {"type": "not_found_error", "message": "This key cannot read analytics."}
        return whole({"type": "error", "error": said}, status)

    async with serving(script) as server:
        environment = vendor_environment(server.url, "anthropic") | {"ANTHROPIC_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            days = {"from": "2026-11-20", "to": "2026-11-22"}
            result = await process.call("cost:reconcile", {"provider": "anthropic", **days})
    assert [(day["model"], day["theirsUSD"]) for day in result["days"]] == [
        ("anthropic/claude-haiku-5-5", 0.125),
        ("anthropic/searches", 0.025),
    ]


def of_keys(vendor: str) -> dict[str, Any]:
    """Figures of 20 November that two keys of an account share."""
    keys = (("key_mine", "0.5"), ("key_of_others", "1.25"), ("key_mine", "0.25"))
    if vendor == "openai":
        results = [
            {"amount": {"value": usd, "currency": "usd"}, "line_item": "gpt-6-luna, input", "api_key_id": key}
            for key, usd in keys
        ]
        return {"data": [{"start_time": 1795132800, "results": results}], "has_more": False}
    data = [
        {
            "starting_at": "2026-11-20T00:00:00Z",
            "group": {"model": "claude-haiku-5-5", "api_key_id": key},
            "cost": {"amount": str(Decimal(usd) * 100), "currency": "USD"},
        }
        for key, usd in keys
    ]
    return {"data": data, "has_more": False}


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_what_other_keys_of_the_account_were_charged_is_told(vendor: str, tmp_path: Path) -> None:
    async with serving(whole(of_keys(vendor))) as server:
        environment = vendor_environment(server.url, vendor) | {f"{vendor.upper()}_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            days = {"from": "2026-11-20", "to": "2026-11-22"}
            result = await process.call("cost:reconcile", {"provider": vendor, **days})
    assert "=api_key_id" in server.asked[0].target
    assert result["theirsUSD"] == 2.0
    assert "$1.25 to key_of_others, $0.75 to key_mine" in result["notes"][0]


async def test_a_figure_of_no_day_is_refused_in_words(tmp_path: Path) -> None:
    wrong = {"data": [{"start_time": "soon", "results": []}], "has_more": False}
    async with serving(whole(wrong)) as server:
        environment = vendor_environment(server.url, "openai") | {"OPENAI_ADMIN_KEY": ADMIN}
        async with sidecar(tmp_path, environment=environment) as process:
            with pytest.raises(RpcError, match="OpenAI did not say of which day a figure is"):
                await process.call(
                    "cost:reconcile", {"provider": "openai", "from": "2026-11-20", "to": "2026-11-22"}
                )


HAIKU = {
    "group": {"model": "claude-haiku-5-5-20261001", "service_tier": "standard"},
    "cost": {"amount": "12.34567", "currency": "USD", "requests": 1},
}
OTHER = {"group": {"model": "claude-haiku-5"}, "cost": {"amount": "7", "currency": "USD", "requests": 4}}
SEARCHED = {"group": {"model": None}, "cost": {"amount": "1", "currency": "USD", "requests": 1}}
NOTHING = {"group": {"model": None}, "cost": {"amount": "0", "currency": "USD"}}


@pytest.mark.parametrize(
    ("pages", "usd"),
    [
        ([[HAIKU]], "0.1234567"),
        ([[OTHER], [], [NOTHING, HAIKU]], "0.1234567"),
        ([[HAIKU], [SEARCHED]], None),
        ([[OTHER]], None),
        ([[]], None),
    ],
    ids=["a dated name", "the third page", "searches without a model", "another model alone", "nothing"],
)
async def test_a_minute_of_anthropics_says_what_one_call_was_charged_or_nothing(
    pages: list[list[dict[str, Any]]], usd: str | None
) -> None:
    def script(asked: Asked) -> Answer:
        number = int(asked.target.partition("&page=")[2] or "0")
        more = number + 1 < len(pages)
        return whole(
            {"data": pages[number], "has_more": more, "next_page": f"{number + 1}" if more else None}
        )

    async with serving(script) as server, aclosing(HttpClient()) as http:
        found = await Anthropic(http, server.url).minutes(ADMIN, "claude-haiku-5-5", 90_000, 150_000)
    assert "starting_at=1970-01-01T00:01:00Z&ending_at=1970-01-01T00:03:00Z" in server.asked[0].target
    assert (found and found.usage.charged_usd) == (usd and Decimal(usd))
    assert found is None or found.requests == 1


LUNA = {
    "model": "gpt-6-luna-2026-09-01",
    "num_model_requests": 1,
    "input_tokens": 900,
    "input_cached_tokens": 300,
    "output_tokens": 50,
}


@pytest.mark.parametrize(
    ("completions", "searches", "searched"),
    [
        ([LUNA], [], 0),
        (
            [{"model": "gpt-6", "num_model_requests": 9}, LUNA],
            [{"model": LUNA["model"], "num_requests": 2}],
            2,
        ),
        ([LUNA], [{"model": "gpt-6-sol", "num_requests": 5}, {"model": None, "num_requests": 0}], 0),
        ([LUNA], [{"model": None, "num_requests": 2}], None),
        ([{**LUNA, "num_model_requests": 0}], [], None),
    ],
    ids=["no searches", "its searches", "searches of another", "searches without a model", "no request"],
)
async def test_a_minute_of_openais_says_what_one_call_used_or_nothing(
    completions: list[dict[str, Any]], searches: list[dict[str, Any]], searched: int | None
) -> None:
    def script(asked: Asked) -> Answer:
        results = completions if asked.path.endswith("/completions") else searches
        # Minutes come in pages too.
        first = "page=" not in asked.target
        more = {"has_more": first, "next_page": "p2" if first else None}
        return whole({"data": [{"results": [] if first else results}], **more})

    async with serving(script) as server, aclosing(HttpClient()) as http:
        provider = OpenAI(http, f"{server.url}/v1")
        found: MinuteUsage | None = await provider.minutes(ADMIN, "gpt-6-luna", 90_000, 150_000)
    assert "start_time=60&end_time=180&bucket_width=1m&limit=2&" in server.asked[0].target
    assert (found and found.usage.searches) == searched
    if found:
        usage = found.usage
        assert (found.requests, usage.in_uncached, usage.cache_read, usage.out_visible) == (1, 600, 300, 50)


CONSOLE = """Konto;Zoë
Datum;Modell;Kosten ($)
26.11.2026;grok-4.7;1.234,50
27.11.2026;grok-4.7;(0,25)

Summe;;1.234,25
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
async def test_a_table_of_a_console_is_read_in_the_encoding_that_it_has(
    tmp_path: Path, encoding: str
) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_bytes(CONSOLE.encode(encoding))
    async with sidecar(tmp_path / "data") as process:
        days = {"from": "2026-11-01", "to": "2026-11-30"}
        result = await process.call("cost:reconcile", {"provider": "grok", **days, "path": str(bill)})
    assert [(day["day"], day["theirsUSD"]) for day in result["days"]] == [
        ("2026-11-26", 1234.5),
        ("2026-11-27", -0.25),
    ]
    assert "left out: 1" in result["notes"][0]
