"""What settled a call whose cost was not known is said of it for ever after, also when its bill is looked at again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest, SimResponse
from tests.field.hostile import Answer, Asked, chat_chunk, chat_chunks, serving, stream, whole
from tests.field.lab import LAB_USD, MODEL, batch_rows, own_models, refused, sidecar
from tests.helpers.inside import World, inside
from tests.helpers.mixed_run import ADMIN, Outside
from tests.helpers.process import SidecarProcess

DAYS = {"from": "2020-01-01", "to": "2099-12-31"}
RECORD = {
    "id": "c1",
    "total_cost": 0.0123456789,
    "native_tokens_prompt": 1000,
    "native_tokens_completion": 50,
}


def script(asked: Asked) -> Answer:
    if asked.path == "/v1/generation":
        return whole({"data": RECORD})
    return stream(chat_chunk({"content": "Good"}))


async def explained(process: SidecarProcess) -> dict[str, Any]:
    messages = await process.call("messages:list", {"conversationId": "talk"})
    [call] = await process.call("cost:explain", {"messageId": messages[-1]["id"]})
    return dict(call)


async def test_what_a_gateway_s_record_settled_is_said_of_the_call_after_a_restart(tmp_path: Path) -> None:
    async with serving(script) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            await refused(process, conversationId="talk")
            before = await explained(process)
            await process.call("cost:reconcile", {"provider": "lab", **DAYS})
        async with sidecar(tmp_path) as process:
            after = await explained(process)
            again = await process.call("cost:reconcile", {"provider": "lab", **DAYS})
    assert not {"costUSD", "settledBy", "settledAt"} & before.keys()
    assert (after["costUSD"], after["settledBy"]) == (RECORD["total_cost"], "record")
    assert after["settledAt"] > 1_700_000_000_000
    assert len([asked for asked in server.asked if asked.path == "/v1/generation"]) == 1
    assert again["notes"][0] == (
        "Settled before: 1 call by the server's own record of it. The cost of each is what was told then."
    )


async def test_what_a_minute_settled_is_said_of_the_row_and_an_answer_that_came_settles_itself(
    tmp_path: Path,
) -> None:
    outside = Outside()
    async with inside(tmp_path, world=outside.world, more_keys=ADMIN) as here:

        async def result(method: str, **params: Any) -> Any:
            answer = await here.ask(method, params)
            assert "result" in answer, answer
            return answer["result"]

        await result("settings:save", key="retryBrokenAnswers", value=0)
        project = (await result("project:create", name="P"))["id"]
        model = "anthropic/claude-haiku-5-5"
        rows = [{"id": "cut", "prompt": "Cut. [[simulate: cut=2]]", "model": model}]
        job = (await result("batch:submit", projectId=project, rows=rows, start=True))["id"]
        await here.ended(job)
        outside.now += 8 * 3_600_000
        await result("chat:send", content="Why?", modelId=model, conversationId="talk")
        await result("cost:reconcile", provider="anthropic", **{"from": "2026-11-29", "to": "2026-12-01"})
        [row] = await result("cost:explain", jobId=job)
        answer = (await result("messages:list", conversationId="talk"))[-1]
        [whole_answer] = await result("cost:explain", messageId=answer["id"])
    assert (row["settledBy"], row["settledAt"] > row["costUSD"] > 0) == ("minutes", True)
    assert "settledBy" not in whole_answer


async def test_a_record_of_the_charge_alone_leaves_the_tokens_that_came_in_the_statistics(
    tmp_path: Path,
) -> None:
    def charge_alone(asked: Asked) -> Answer:
        if asked.path == "/v1/generation":
            return whole({"data": {"id": "c1", "total_cost": 0.0123456789}})
        return stream(chat_chunk({"content": "Good morning, and a long day"}))

    async with serving(charge_alone) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await refused(process, conversationId="talk")
        [before] = (await process.call("activity:stats", {}))["byModel"]
        await process.call("cost:reconcile", {"provider": "lab", **DAYS})
        [after] = (await process.call("activity:stats", {}))["byModel"]
    assert after["cost"] == RECORD["total_cost"]
    assert after["tokensOut"] == before["tokensOut"] > 0


@pytest.mark.parametrize("cut", [1, 9], ids=["answered at last", "never answered"])
async def test_what_a_record_settled_is_in_the_sums_of_its_row_its_batch_and_its_table(
    cut: int, tmp_path: Path
) -> None:
    asked = list[str]()

    def breaking(request: Asked) -> Answer:
        if request.path == "/v1/generation":
            return whole({"data": RECORD | {"id": request.target.rpartition("=")[2]}})
        asked.append(request.path)
        return script(request) if len(asked) <= cut else stream(*chat_chunks("Good"))

    table = tmp_path / "answers.csv"
    async with (
        serving(breaking) as server,
        sidecar(tmp_path / "data", models=own_models(server.url)) as process,
    ):
        [row] = await batch_rows(process, {"id": "a", "prompt": "Why?", "model": MODEL})
        assert row["uncertainCalls"] == min(cut, len(asked))
        for _ in range(2):
            await process.call("cost:reconcile", {"provider": "lab", **DAYS})
        [job] = await process.call("batch:list", {"projectId": await only_project(process)})
        [row] = await process.call("batch:get-results", {"jobId": job["id"]})
        calls = await process.call("cost:explain", {"jobId": job["id"]})
        await process.call("batch:export", {"jobId": job["id"], "format": "csv", "path": str(table)})
        stats = await process.call("activity:stats", {})
    [line] = csv.DictReader(io.StringIO(table.read_text("utf-8-sig")))
    cost = min(cut, len(asked)) * 0.0123456789 + (LAB_USD if cut == 1 else 0)
    told = [sum(call["costUSD"] for call in calls), job["totalCost"], row["cost_usd"], line["cost_usd"]]
    assert [float(each) for each in (*told, stats["totalCost"])] == pytest.approx([cost] * 5)
    assert not {"uncertainCalls", "costAtLeastUSD"} & (job.keys() | row.keys())


async def only_project(process: SidecarProcess) -> str:
    [found] = await process.call("project:list")
    return str(found["id"])


class WithoutReports(Simulator):
    """Vendors of which some reports are not there for this key."""

    def __init__(self, refused: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self._refused = refused

    async def handle(self, request: SimRequest) -> SimResponse:
        gone = any(part in request.path for part in self._refused)
        return await super().handle(replace(request, path="/anthropic/v1/nowhere") if gone else request)


REFUSED_OF = {
    "charges": (),
    "charges without counts": ("/analytics/usage",),
    "tokens alone": ("/analytics/",),
}


@pytest.mark.parametrize("report", REFUSED_OF)
async def test_a_settled_answer_of_anthropic_s_has_its_tokens_in_the_statistics(
    report: str, tmp_path: Path
) -> None:
    outside = Outside()
    simulator = WithoutReports(REFUSED_OF[report], pace_ms=0, now_ms=outside.read)
    world = World(simulator, outside.read)
    async with inside(tmp_path, world=world, more_keys=ADMIN) as here:
        model = "anthropic/claude-haiku-5-5"
        cut = {"content": "Cut. [[simulate: cut=2]]", "modelId": model, "conversationId": "talk"}
        await here.ask("chat:send", cut)
        [before] = (await here.ask("activity:stats", {}))["result"]["byModel"]
        outside.now += 8 * 3_600_000
        days = {"from": "2026-11-29", "to": "2026-12-01"}
        await here.ask("cost:reconcile", {"provider": "anthropic", **days})
        [after] = (await here.ask("activity:stats", {}))["result"]["byModel"]
    [billed] = simulator.ledger.entries
    assert billed.usage is not None
    assert billed.charged_usd is not None
    used = (billed.usage.prompt_total, billed.usage.out_total)
    assert before["uncertainCalls"] == 1
    assert "uncertainCalls" not in after
    assert after["cost"] == float(billed.charged_usd)
    # Where no count comes with the charge, there are those of what had come.
    told = before if report == "charges without counts" else {"tokensIn": used[0], "tokensOut": used[1]}
    assert (after["tokensIn"], after["tokensOut"]) == (told["tokensIn"], told["tokensOut"])
    assert before["tokensOut"] > 0
