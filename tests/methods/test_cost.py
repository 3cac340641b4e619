"""What the calls of a project would have cost elsewhere."""

from __future__ import annotations

from typing import Any

from tests.helpers.inside import Inside

MODEL = "openai/gpt-6.1-terra"


async def repriced(app: Inside, model: str, **more: Any) -> Any:
    answer = await app.ask("cost:reprice", {"modelId": model, **more})
    return answer.get("result", answer.get("error"))


async def test_repricing_at_the_same_model_changes_nothing(app: Inside) -> None:
    reply = (await app.ask("chat:send", {"content": "Why?", "modelId": MODEL}))["result"]
    found = await repriced(app, MODEL)
    assert found == {
        "actualUSD": reply["costUSD"],
        "repricedUSD": reply["costUSD"],
        "calls": 1,
        "unpriced": 0,
        "byModel": [
            {"model": MODEL, "actualUSD": reply["costUSD"], "repricedUSD": reply["costUSD"], "calls": 1}
        ],
    }


async def test_another_model_and_another_name_of_it_give_the_same(app: Inside) -> None:
    await app.ask("chat:send", {"content": "Why?", "modelId": MODEL})
    dearer = await repriced(app, "claude-opus-5-5")
    assert dearer["repricedUSD"] > dearer["actualUSD"] > 0
    assert await repriced(app, "anthropic/claude-opus-5-5") == dearer


async def test_only_the_project_and_the_time_that_were_asked_for(app: Inside) -> None:
    own = (await app.ask("project:create", {"name": "First"}))["result"]["id"]
    await app.ask("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": MODEL})
    now = app.services.now_ms()
    assert (await repriced(app, MODEL, projectId=own, **{"from": now - 60_000, "to": now + 60_000}))[
        "calls"
    ] == 1
    assert (await repriced(app, MODEL, projectId="other"))["calls"] == 0
    assert (await repriced(app, MODEL, to=now - 60_000))["calls"] == 0
    assert (await repriced(app, MODEL, **{"from": now + 60_000}))["calls"] == 0


async def test_an_unknown_model_is_not_found(app: Inside) -> None:
    assert (await repriced(app, "gpt-nothing"))["code"] == -32001
