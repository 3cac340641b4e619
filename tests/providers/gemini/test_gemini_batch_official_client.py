"""The vendor's own client reads the simulator's batches, and takes what we send for its own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sidecar.providers.batches import BatchPart
from sidecar.providers.gemini.batch_format import file_body, input_line
from tests.helpers.batches import billed
from tests.helpers.gemini import plan
from tests.helpers.late import Late
from tests.helpers.simulated import NOW_MS, simulator
from tests.providers.conformance.official_gemini import FLASH, GooglesClient

if TYPE_CHECKING:
    from google import genai
    from google.genai import errors, types
else:
    genai, errors, types = (Late(f"google.genai{each}") for each in ("", ".errors", ".types"))

client = GooglesClient().client

# The client builds its session in a way that its network library frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

MOST_LOOKS = 12


def inlined(count: int, first: str = "") -> list[types.InlinedRequest]:
    return [
        types.InlinedRequest(
            contents=f"Reply with exactly: answer {n} {first if n == 0 else ''}",
            metadata={"key": f"row-{n}"},
            config=types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=9_000),
        )
        for n in range(count)
    ]


async def ended(official: Any, name: str) -> types.BatchJob:
    for _ in range(MOST_LOOKS):
        job: types.BatchJob = await official.batches.get(name=name)
        if job.done:
            return job
    raise AssertionError(f"the batch does not end: {job}")


async def test_the_official_client_runs_rows_inside_the_request() -> None:
    async with client(simulator()) as official:
        made = await official.batches.create(
            model=FLASH, src=inlined(4), config=types.CreateBatchJobConfig(display_name="ours")
        )
        assert made.state is types.JobState.JOB_STATE_PENDING
        assert (made.display_name, made.model) == ("ours", f"models/{FLASH}")
        assert made.create_time.timestamp() * 1000 == NOW_MS
        job = await ended(official, made.name)
    assert job.state is types.JobState.JOB_STATE_SUCCEEDED
    assert job.end_time is not None
    assert job.dest is not None
    responses = job.dest.inlined_responses
    assert responses is not None
    # The client's users rely on the order here.
    assert [one.metadata for one in responses] == [{"key": f"row-{n}"} for n in range(4)]
    for number, one in enumerate(responses):
        assert one.error is None
        assert one.response is not None
        assert one.response.text == f"answer {number}"
        assert one.response.usage_metadata is not None
        assert one.response.usage_metadata.thoughts_token_count


async def test_the_official_client_uploads_a_file_and_downloads_its_results() -> None:
    rows = {f"row-{n}": plan(FLASH, f"Reply with exactly: answer {n}") for n in range(3)}
    lines = b"".join(input_line(id_, made) + b"\n" for id_, made in rows.items())
    async with client(simulator()) as official:
        file = await official.files.upload(
            file=io.BytesIO(lines),
            config=types.UploadFileConfig(display_name="rows", mime_type="application/jsonl"),
        )
        assert file.size_bytes == len(lines)
        assert file.state is types.FileState.ACTIVE
        assert (await official.files.get(name=file.name)).display_name == "rows"
        made = await official.batches.create(model=FLASH, src=file.name, config={"display_name": "ours"})
        job = await ended(official, made.name)
        assert job.dest is not None
        content = await official.files.download(file=job.dest.file_name)
        await official.files.delete(name=file.name)
        with pytest.raises(errors.ClientError):
            await official.files.get(name=file.name)
    results = {line["key"]: line["response"] for line in map(json.loads, content.splitlines())}
    assert results.keys() == rows.keys()
    for id_, response in results.items():
        answer = types.GenerateContentResponse.model_validate(response)
        assert answer.text == id_.replace("row-", "answer ")


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
async def test_the_official_client_uploads_a_large_file_in_pieces() -> None:
    async with client(simulator()) as official:
        content = b"x" * 20_000_000
        file = await official.files.upload(
            file=io.BytesIO(content), config=types.UploadFileConfig(mime_type="application/jsonl")
        )
    assert file.size_bytes == len(content)


async def test_the_official_client_lists_what_there_is() -> None:
    async with client(simulator()) as official:
        assert [job async for job in await official.batches.list()] == []
        names = [(await official.batches.create(model=FLASH, src=inlined(1))).name for _ in range(5)]
        pages = await official.batches.list(config=types.ListBatchJobsConfig(page_size=2))
        assert [job.name async for job in pages] == names[::-1]


async def test_the_official_client_cancels_and_deletes() -> None:
    sim = simulator()
    async with client(sim) as official:
        made = await official.batches.create(model=FLASH, src=inlined(4))
        await official.batches.get(name=made.name)
        await official.batches.cancel(name=made.name)
        job = await ended(official, made.name)
        assert job.state is types.JobState.JOB_STATE_CANCELLED
        assert job.dest is not None
        assert job.dest.inlined_responses is not None
        assert len(job.dest.inlined_responses) == 2
        await official.batches.delete(name=made.name)
        with pytest.raises(errors.ClientError, match="404"):
            await official.batches.get(name=made.name)
    assert billed(sim)[0]["state"] == "cancelled"


async def test_the_official_client_reads_the_error_of_a_row_and_of_a_batch() -> None:
    async with client(simulator()) as official:
        made = await official.batches.create(model=FLASH, src=inlined(2, "[[simulate: status=429]]"))
        job = await ended(official, made.name)
        assert job.dest is not None
        responses = job.dest.inlined_responses
        assert responses is not None
        assert responses[0].error is not None
        assert responses[0].error.code == 8
        assert responses[0].error.message
        assert responses[1].error is None
        made = await official.batches.create(model=FLASH, src=inlined(1, "[[simulate: batch_fails=1]]"))
        job = await ended(official, made.name)
    assert job.state is types.JobState.JOB_STATE_FAILED


@pytest.mark.parametrize(
    ("model", "rows", "key", "status"),
    [
        ("gemini-9", lambda: inlined(1), "simulated", 404),
        (FLASH, lambda: [types.InlinedRequest(contents="a", metadata={"key": "1"})] * 2, "simulated", 400),
        (FLASH, lambda: inlined(1), "sk-invalid-1", 400),
    ],
)
async def test_the_official_client_is_refused_and_nothing_is_created(
    model: str, rows: Callable[[], list[types.InlinedRequest]], key: str, status: int
) -> None:
    sim = simulator()
    async with client(sim, key) as official:
        with pytest.raises(errors.ClientError) as raised:
            await official.batches.create(model=model, src=rows())
    assert raised.value.code == status
    assert billed(sim) == []


async def test_the_official_client_would_create_the_same_batch() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"name": "batches/1", "metadata": {}})

    part = BatchPart("part-1", FLASH, [], [], 0, "files/1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as network:
        hook = types.HttpOptions(httpx_async_client=network, api_version="v1beta")
        official = genai.Client(api_key="simulated", vertexai=False, http_options=hook).aio
        await official.batches.create(model=FLASH, src="files/1", config={"display_name": part.tag})
    assert sent[0].url.path == f"/v1beta/models/{FLASH}:batchGenerateContent"
    assert json.loads(sent[0].content) == file_body(part)
