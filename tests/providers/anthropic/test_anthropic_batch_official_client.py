"""The vendor's own client, unmodified, on the simulator's batches; and our rows by the client's own types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.providers.anthropic.batch import AnthropicBatch
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.anthropic_asking import BASE, BETWEEN, BUDGET, QUIET, plan
from tests.helpers.late import Late
from tests.helpers.simulated import simulator
from tests.providers.conformance.official import fits, strictly
from tests.providers.conformance.official_anthropic import AnthropicsClient

if TYPE_CHECKING:
    import anthropic
    import anthropic.types.message_create_params
    import anthropic.types.messages
else:
    anthropic = Late("anthropic")

client = AnthropicsClient().client

ADAPTER = AnthropicBatch(HttpClient(), BASE)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "max_output_tokens": 100},
    {"thinking": True, "max_output_tokens": 2_000},
    {"json_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    {"web_search_max_uses": 3},
    {"cache_ttl": "1h", "system": "Be brief."},
]


def rows(*prompts: str, **params: Any) -> Any:
    return [
        {
            "custom_id": f"row-{n}",
            "params": {
                "model": BETWEEN,
                "max_tokens": 500,
                "messages": [{"role": "user", "content": prompt}],
                **params,
            },
        }
        for n, prompt in enumerate(prompts)
    ]


async def ended(official: anthropic.AsyncAnthropic, id_: str) -> anthropic.types.messages.MessageBatch:
    for _ in range(9):
        batch = await official.messages.batches.retrieve(id_)
        strictly(anthropic.types.messages.MessageBatch, batch)
        if batch.processing_status == "ended":
            return batch
    raise AssertionError("the batch does not end")


async def results(official: anthropic.AsyncAnthropic, id_: str) -> dict[str, Any]:
    came = {}
    async for line in await official.messages.batches.results(id_):
        strictly(anthropic.types.messages.MessageBatchIndividualResponse, line)
        came[line.custom_id] = line.result
    return came


@pytest.mark.parametrize("model", [BETWEEN, QUIET, BUDGET])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
def test_every_row_has_the_types_of_the_official_client(model: str, options: dict[str, Any]) -> None:
    line = json.loads(ADAPTER.line("a", plan(model, **options)))
    assert line.keys() == {"custom_id", "params"}
    fits(anthropic.types.message_create_params.MessageCreateParamsNonStreaming, line["params"])


async def test_the_official_client_runs_a_batch_from_its_creation_to_its_results() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(
            requests=rows("Reply with exactly: zero", "Hi [[simulate: status=529]]")
        )
        strictly(anthropic.types.messages.MessageBatch, made)
        assert (made.processing_status, made.results_url, made.request_counts.processing) == (
            "in_progress",
            None,
            2,
        )
        batch = await ended(official, made.id)
        came = await results(official, made.id)
    counts = batch.request_counts
    assert (counts.processing, counts.succeeded, counts.errored) == (0, 1, 1)
    assert came["row-0"].type == "succeeded"
    texts = [block.text for block in came["row-0"].message.content if block.type == "text"]
    assert texts == ["zero"]
    assert came["row-0"].message.usage.service_tier == "batch"
    assert came["row-1"].type == "errored"
    assert came["row-1"].error.error.type == "overloaded_error"


async def test_the_official_client_cancels_a_batch_and_reads_what_was_done() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(requests=rows("a", "b"))
        await official.messages.batches.retrieve(made.id)
        assert (await official.messages.batches.cancel(made.id)).processing_status == "canceling"
        batch = await ended(official, made.id)
        came = await results(official, made.id)
    assert batch.cancel_initiated_at is not None
    assert (came["row-0"].type, came["row-1"].type) == ("succeeded", "canceled")
    assert (batch.request_counts.succeeded, batch.request_counts.canceled) == (1, 1)


async def test_the_official_client_sees_rows_that_expired() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(requests=rows("a [[simulate: batch_expires=1]]", "b"))
        await ended(official, made.id)
        came = await results(official, made.id)
    assert came["row-1"].type == "expired"


async def test_the_official_client_has_no_results_before_the_end() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(requests=rows("a"))
        with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
            await official.messages.batches.results(made.id)
        with pytest.raises(anthropic.NotFoundError):
            await official.get(f"/v1/messages/batches/{made.id}/results", cast_to=object)


async def test_the_official_client_pages_through_batches_newest_first() -> None:
    async with client(simulator()) as official:
        made = [(await official.messages.batches.create(requests=rows("a"))).id for _ in range(5)]
        listed = [batch.id async for batch in official.messages.batches.list(limit=2)]
        before = await official.messages.batches.list(limit=2, before_id=made[0])
    assert listed == made[::-1]
    assert [batch.id for batch in before.data] == [made[2], made[1]]
    assert before.has_more


async def test_the_official_client_deletes_a_batch_that_has_ended() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(requests=rows("a"))
        with pytest.raises(anthropic.BadRequestError):
            await official.messages.batches.delete(made.id)
        await ended(official, made.id)
        assert (await official.messages.batches.delete(made.id)).type == "message_batch_deleted"
        with pytest.raises(anthropic.NotFoundError):
            await official.messages.batches.retrieve(made.id)
        assert [batch.id async for batch in official.messages.batches.list()] == []


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [*rows("a"), *rows("a")],
        [{**rows("a")[0], "custom_id": "no spaces"}],
        [{**rows("a")[0], "custom_id": "x" * 65}],
        [{"custom_id": "a"}],
        rows("a", stream=True),
    ],
)
async def test_a_create_that_makes_no_sense_is_refused_whole(wrong: Any) -> None:
    sim = simulator()
    async with client(sim) as official:
        with pytest.raises(anthropic.BadRequestError):
            await official.messages.batches.create(requests=wrong)
    assert sim.ledger.wire()["batches"] == []


async def test_what_is_wrong_with_one_row_shows_when_it_runs() -> None:
    async with client(simulator()) as official:
        made = await official.messages.batches.create(requests=rows("a", max_tokens=0))
        await ended(official, made.id)
        came = await results(official, made.id)
    assert came["row-0"].error.error.type == "invalid_request_error"
