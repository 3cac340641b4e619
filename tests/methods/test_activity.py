"""What was done and what it cost, as the renderer asks for it."""

from __future__ import annotations

import datetime
import sqlite3
from typing import Any

import pytest

from sidecar.methods.activity import week_start_ms
from sidecar.store import conversations
from tests.helpers.inside import Inside
from tests.helpers.spending import spent

MODEL = "openai/gpt-6.1-terra"
HOUR_MS = 3_600_000


async def project(app: Inside, name: str = "First") -> str:
    return str((await app.ask("project:create", {"name": name}))["result"]["id"])


async def activity(app: Inside, project_id: str, **more: Any) -> list[dict[str, Any]]:
    answer = await app.ask("activity:get", {"projectId": project_id, **more})
    result: list[dict[str, Any]] = answer["result"]
    return result


async def stats(app: Inside, **params: Any) -> dict[str, Any]:
    result: dict[str, Any] = (await app.ask("activity:stats", params))["result"]
    return result


async def put(app: Inside, *calls: tuple[str, int, dict[str, Any]]) -> None:
    """Settled calls: cost, the time of their beginning, and what else is known of them."""

    def write(conn: sqlite3.Connection) -> None:
        for number, (cost, at, more) in enumerate(calls):
            spent(conn, f"call-{at}-{number}", cost, at=at, **more)

    await app.services.store.write(write)


async def test_a_chat_is_an_item_with_its_answer_and_its_cost(app: Inside) -> None:
    own = await project(app)
    reply = (await app.ask("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": MODEL}))[
        "result"
    ]
    [item] = await activity(app, own)
    assert item["id"] == "talk"
    assert (item["type"], item["title"]) == ("chat", "Why?")
    assert item["preview"] == reply["answer"][:200]
    assert item["cost"] == reply["costUSD"] > 0
    assert item["tokenCount"] == reply["promptTokens"] + reply["answerTokens"]
    assert item["timestamp"] == pytest.approx(reply["timestamp"], abs=60_000)
    assert "status" not in item


async def test_a_cost_of_zero_is_left_out(app: Inside) -> None:
    own = await project(app)
    await app.ask("conversation:create", {"projectId": own, "name": "Empty", "id": "empty"})
    [item] = await activity(app, own)
    assert item == {"id": "empty", "type": "chat", "timestamp": item["timestamp"], "title": "Empty"}


async def test_a_list_is_as_long_as_was_asked_for_and_else_a_hundred(app: Inside) -> None:
    own = await project(app)

    def fill(conn: sqlite3.Connection) -> None:
        for number in range(120):
            conversations.create(conn, own, f"Talk {number}", str(number), number)

    await app.services.store.write(fill)
    assert [item["id"] for item in await activity(app, own, limit=2)] == ["119", "118"]
    assert len(await activity(app, own)) == 100
    assert len(await activity(app, own, limit=1000, type="chat")) == 120
    assert await activity(app, own, type="batch") == []
    refused = await app.ask("activity:get", {"projectId": own, "limit": 0})
    assert refused["error"]["code"] == -32602


async def test_asking_for_activity_opens_that_project(app: Inside) -> None:
    first, second = await project(app, "First"), await project(app, "Second")
    await activity(app, first)
    await app.ask("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": MODEL})
    assert [item["id"] for item in await activity(app, first)] == ["talk"]
    assert await activity(app, second) == []


async def test_a_project_that_does_not_exist_has_no_activity_and_is_not_opened(app: Inside) -> None:
    own = await project(app)
    assert await activity(app, "unknown") == []
    await app.ask("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": MODEL})
    assert [item["id"] for item in await activity(app, own)] == ["talk"]


async def test_stats_add_up_by_model_and_forget_no_deleted_conversation(app: Inside) -> None:
    own = await project(app)
    for model in (MODEL, "openai/gpt-4o", MODEL):
        await app.ask("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": model})
    await app.ask("conversation:delete", {"id": "talk"})
    found = await stats(app, projectId=own)
    assert found["totalMessages"] == 0
    assert {each["model"]: each["calls"] for each in found["byModel"]} == {MODEL: 2, "openai/gpt-4o": 1}
    assert found["totalCost"] == pytest.approx(sum(each["cost"] for each in found["byModel"]), abs=1e-15)
    assert found["totalCost"] == found["monthCost"] == found["weekCost"] > 0


async def test_a_call_without_a_project_counts_in_the_whole_and_the_open_project(app: Inside) -> None:
    own, other = await project(app), await project(app, "Other")
    await activity(app, own)
    await app.ask("chat:send", {"content": "Why?", "modelId": MODEL})
    total = (await stats(app))["totalCost"]
    assert total > 0
    assert (await stats(app, projectId=own))["totalCost"] == total
    assert (await stats(app, projectId=other))["totalCost"] == 0


async def test_ten_dimes_are_a_dollar(app: Inside) -> None:
    await put(app, *[("0.1", 1, {})] * 10, *[("0.2", 2, {"model": "grok/grok-4.7"})] * 3)
    found = await stats(app)
    assert found["totalCost"] == 1.6
    assert [each["cost"] for each in found["byModel"]] == [1.0, 0.6]


async def test_the_month_is_the_calendars_and_the_week_the_last_seven_days(app: Inside) -> None:
    now = app.services.now_ms()
    local = datetime.datetime.fromtimestamp(now / 1000)
    month = int(datetime.datetime(local.year, local.month, 1).timestamp() * 1000)
    week = week_start_ms(now)
    await put(
        app,
        ("1", month - 1, {}),
        ("10", month, {}),
        ("100", week - HOUR_MS, {}),
        ("1000", week + HOUR_MS, {}),
        ("10000", now, {}),
    )
    found = await stats(app)
    assert (found["totalCost"], found["monthCost"], found["weekCost"]) == (11111, 11110, 11000)


def test_a_week_ago_it_was_the_same_time_of_day() -> None:
    for day in range(0, 365, 5):
        moment = datetime.datetime(2026, 1, 1, 15, 30) + datetime.timedelta(days=day)
        start = week_start_ms(int(moment.timestamp() * 1000))
        before = datetime.datetime.fromtimestamp(start / 1000)
        assert moment - before == datetime.timedelta(days=7)


async def test_each_of_the_last_days_tells_what_it_cost_also_where_that_is_nothing(app: Inside) -> None:
    today = datetime.datetime.fromtimestamp(app.services.now_ms() / 1000).replace(hour=0, minute=0, second=0)
    yesterday = today - datetime.timedelta(days=1)
    at = [int(moment.timestamp() * 1000) for moment in (today, yesterday)]
    await put(app, ("0.5", at[0] + 1000, {}), ("0.25", at[1] + HOUR_MS, {}), ("0.25", at[1] + HOUR_MS, {}))
    found = (await stats(app, days=3))["byDay"]
    assert [each["cost"] for each in found] == [0, 0.5, 0.5]
    assert found[-1]["day"] == today.date().isoformat()
    assert "byDay" not in await stats(app)
