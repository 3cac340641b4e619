"""The vendor's own client, unmodified, on the simulator's batches; and our lines by the client's own types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.openai.provider import OpenAI
from tests.helpers.late import Late
from tests.helpers.openai_models import ALL, ask
from tests.helpers.simulated import simulator
from tests.providers.conformance.official import SCHEMA, fits, strictly
from tests.providers.conformance.official_openai import OpenAIOnChat

if TYPE_CHECKING:
    import openai
    import openai.types.responses.response_create_params
else:
    openai = Late("openai")

client = OpenAIOnChat().client

ADAPTER = OpenAIBatch(HttpClient(), "https://api.example/v1")
PLANNER = OpenAI(HttpClient(), "https://api.example/v1")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
    {"effort": "max"},
    {"json_mode": True},
    {"json_schema": SCHEMA},
    {"json_schema": {"type": "object"}},
    {"web_search_max_uses": 3, "json_mode": True},
]


def lines(*prompts: str, model: str = "gpt-5", endpoint: str = "/v1/responses") -> bytes:
    body = {"/v1/responses": "input", "/v1/chat/completions": "messages"}[endpoint]
    rows = [
        {
            "custom_id": f"row-{n}",
            "method": "POST",
            "url": endpoint,
            "body": {"model": model, body: [{"role": "user", "content": prompt}]},
        }
        for n, prompt in enumerate(prompts)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


async def upload(official: openai.AsyncOpenAI, content: bytes) -> openai.types.FileObject:
    return await official.files.create(file=("part.jsonl", content), purpose="batch")


async def create(official: openai.AsyncOpenAI, content: bytes, **options: Any) -> openai.types.Batch:
    file = await upload(official, content)
    return await official.batches.create(
        **{
            "input_file_id": file.id,
            "endpoint": "/v1/responses",
            "completion_window": "24h",
            "metadata": {"job": "a"},
            **options,
        }
    )


async def ended(official: openai.AsyncOpenAI, id_: str) -> openai.types.Batch:
    for _ in range(9):
        batch = await official.batches.retrieve(id_)
        strictly(openai.types.Batch, batch)
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return batch
    raise AssertionError("the batch does not end")


async def results(official: openai.AsyncOpenAI, file_id: str | None) -> dict[str, Any]:
    assert file_id is not None
    content = await official.files.content(file_id)
    return {line["custom_id"]: line for line in map(json.loads, content.text.splitlines())}


@pytest.mark.parametrize("model", sorted(set(ALL) - {"thinker", "plain-text"}))
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "bare")
def test_every_row_has_the_types_of_the_official_client(model: str, options: dict[str, Any]) -> None:
    if "web_search_max_uses" in options and "web_search" not in ALL[model].features:
        return
    line = json.loads(ADAPTER.line("a", PLANNER.plan(ask(model, **options))))
    fits(openai.types.responses.response_create_params.ResponseCreateParamsNonStreaming, line["body"])


async def test_the_official_client_runs_a_batch_from_upload_to_results() -> None:
    async with client(simulator()) as official:
        file = await upload(official, lines("Reply with exactly: zero", "Hi [[simulate: status=400]]"))
        strictly(openai.types.FileObject, file)
        made = await create(official, lines("Reply with exactly: zero", "Hi [[simulate: status=400]]"))
        strictly(openai.types.Batch, made)
        assert (made.status, made.output_file_id, made.metadata) == ("validating", None, {"job": "a"})
        batch = await ended(official, made.id)
        output = await results(official, batch.output_file_id)
        errors = await results(official, batch.error_file_id)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 2, "completed": 1, "failed": 1}
    assert batch.usage is not None
    assert output.keys() == {"row-0"}
    response = openai.types.responses.Response.model_validate(output["row-0"]["response"]["body"])
    assert response.output_text == "zero"
    assert response.usage is not None
    assert response.usage.total_tokens == batch.usage.total_tokens
    assert errors["row-1"]["response"]["status_code"] == 400
    assert errors["row-1"]["response"]["body"]["error"]["message"]


async def test_the_official_client_runs_a_batch_of_chat_completions() -> None:
    content = lines("Reply with exactly: chat", endpoint="/v1/chat/completions")
    async with client(simulator()) as official:
        made = await create(official, content, endpoint="/v1/chat/completions")
        output = await results(official, (await ended(official, made.id)).output_file_id)
    assert output["row-0"]["response"]["body"]["choices"][0]["message"]["content"] == "chat"


async def test_the_official_client_cancels_a_batch_and_reads_what_was_done() -> None:
    async with client(simulator()) as official:
        made = await create(official, lines("a", "b"))
        assert (await official.batches.retrieve(made.id)).status == "in_progress"
        assert (await official.batches.cancel(made.id)).status == "cancelling"
        batch = await ended(official, made.id)
        assert (await results(official, batch.output_file_id)).keys() == {"row-0"}
        errors = await results(official, batch.error_file_id)
        with pytest.raises(openai.ConflictError):
            await official.batches.cancel(made.id)
    assert (batch.status, batch.cancelled_at is not None) == ("cancelled", True)
    assert errors["row-1"]["error"]["code"] == "batch_cancelled"


async def test_the_official_client_sees_an_expired_batch() -> None:
    async with client(simulator()) as official:
        made = await create(official, lines("a [[simulate: batch_expires=1]]", "b"))
        batch = await ended(official, made.id)
        errors = await results(official, batch.error_file_id)
    assert (batch.status, errors["row-1"]["error"]["code"]) == ("expired", "batch_expired")


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"not json", "invalid_json_line", 1),
        (b"", "empty_file", None),
        (lines("a") + b"\n" + lines("b"), "duplicate_custom_id", 2),
        (lines("a", model="no-such-model"), "model_not_found", 1),
        (lines("a", endpoint="/v1/chat/completions"), "invalid_url", 1),
        (lines("a").replace(b'"body": {', b'"body": {"stream": true, '), "streaming_unsupported", 1),
        (lines("a").replace(b"custom_id", b"id"), "missing_required_parameter", 1),
        (
            lines("a") + b"\n" + lines("b", "c", model="gpt-4o").splitlines()[1],
            "mismatched_model",
            2,
        ),
    ],
)
async def test_one_bad_line_fails_the_whole_batch(content: bytes, code: str, line: int | None) -> None:
    sim = simulator()
    async with client(sim) as official:
        batch = await ended(official, (await create(official, content)).id)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert (batch.errors.data[0].code, batch.errors.data[0].line) == (code, line)
    assert (batch.output_file_id, batch.error_file_id) == (None, None)
    assert sim.ledger.wire()["totalChargedUSD"] == "0"


@pytest.mark.parametrize(
    "options",
    [
        {"input_file_id": "file-none"},
        {"endpoint": "/v1/embeddings"},
        {"completion_window": "1h"},
        {"metadata": {"a": "x" * 513}},
    ],
)
async def test_a_create_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    sim = simulator()
    async with client(sim) as official:
        with pytest.raises(openai.BadRequestError):
            await create(official, lines("a"), **options)
    assert sim.ledger.wire()["batches"] == []


async def test_the_official_client_pages_through_batches_newest_first() -> None:
    async with client(simulator()) as official:
        made = [(await create(official, lines("a"))).id for _ in range(5)]
        listed = [batch.id async for batch in official.batches.list(limit=2)]
        first = await official.batches.list(limit=2)
    assert listed == made[::-1]
    assert (first.has_more, len(first.data)) == (True, 2)


async def test_the_official_client_lists_reads_and_deletes_files() -> None:
    async with client(simulator()) as official:
        files = [await upload(official, lines("a")) for _ in range(3)]
        listed = [file.id async for file in official.files.list(purpose="batch", limit=2)]
        one = await official.files.retrieve(files[0].id)
        content = await official.files.content(files[0].id)
        gone = await official.files.delete(files[0].id)
        with pytest.raises(openai.NotFoundError):
            await official.files.retrieve(files[0].id)
    assert listed == [file.id for file in files[::-1]]
    assert (one.filename, one.bytes) == ("part.jsonl", len(lines("a")))
    assert content.content == lines("a")
    assert gone.deleted
