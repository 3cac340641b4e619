"""Results of batches that are nearly a vendor's: no bug of ours, no hang, no growth, no answer lost."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.providers.batches import BatchResult
from tests.field.vendors import Misbehaviour, Whole, closed, native, rows, submitted, vendors
from tests.fuzz.drawn import drawn
from tests.fuzz.drawn_values import ANYTHING, as_json, changed, moved, spoilt
from tests.helpers.batches import outcomes
from tests.helpers.process import SidecarProcess
from tests.helpers.scripted import Reply
from tests.helpers.soak import longer
from tests.providers.conformance.batch_vendor import BatchVendor
from tests.providers.conformance.vendors import BATCHES

EXAMPLES = longer(250, 1_000)
CPU_SECONDS = 5.0
# A reader says less than it was told, but for a few words of its own.
TIMES_AS_MUCH = 3
WORDS = 1_000
KEPT = ("kept-0", "kept-1")
SAID = "four and twenty"

ROWS = 3
JOBS = longer(10, 40)
AT_ONCE = 10
GROWTH_BYTES = 128 * 1024 * 1024
# In soak a test draws so often anew, each time as one that ends in time.
ROUNDS = longer(1, 4)
# The names in what is drawn that become those of a batch's rows.
IDS = (*KEPT, "row-0")
WRITTEN_ID = re.compile(rb'"(?:custom_id|key|batch_request_id)":\s*"([^"]+)"')
FILES = {
    **dict.fromkeys(("openai", "compatible"), r"GET \S*/files/\S+/content"),
    **dict.fromkeys(("anthropic", "grok"), r"GET \S*/results"),
    "gemini": r"GET \S*:download",
}

Answered = Callable[[str], Any]


def openai_row(custom_id: str) -> Any:
    parts = [
        {"type": "output_text", "text": SAID, "annotations": [{"type": "url_citation", "url": "https://a.b"}]}
    ]
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "why"}},
        {"type": "message", "role": "assistant", "content": parts},
    ]
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 29,
    }
    body = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5", "output": output}
    reply = {**body, "usage": usage, "service_tier": "default", "incomplete_details": None, "error": None}
    response = {"status_code": 200, "request_id": "req_1", "body": reply}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def compatible_row(custom_id: str) -> Any:
    message = {"role": "assistant", "content": SAID, "reasoning_content": "Hm."}
    usage = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "c1", "object": "chat.completion", "model": "m", "choices": choices, "usage": usage}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None}


def anthropic_row(custom_id: str) -> Any:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "why"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result"}]},
        {"type": "text", "text": SAID, "citations": [{"url": "https://a.b", "title": "A"}]},
    ]
    usage = {
        "input_tokens": 20,
        "cache_read_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
        "output_tokens": 9,
        "server_tool_use": {"web_search_requests": 1},
        "service_tier": "batch",
    }
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": content,
    }
    told = {**message, "stop_reason": "end_turn", "usage": usage}
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": told}}


def gemini_row(custom_id: str) -> Any:
    parts = [{"text": "Hm.", "thought": True}, {"text": SAID}]
    usage = {
        "promptTokenCount": 20,
        "candidatesTokenCount": 9,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 32,
    }
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    grounds = {
        "groundingChunks": [{"web": {"uri": "https://a.b", "title": "A"}}],
        "webSearchQueries": ["why"],
    }
    response = {"candidates": [{**candidate, "groundingMetadata": grounds}], "usageMetadata": usage}
    return {
        "key": custom_id,
        "response": {**response, "modelVersion": "gemini-3.8-flash", "responseId": "r1"},
    }


def grok_row(custom_id: str) -> Any:
    usage = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, "num_sources_used": 1}
    details = {"completion_tokens_details": {"reasoning_tokens": 3}, "cost_in_usd_ticks": 100}
    message = {"role": "assistant", "content": SAID, "reasoning_content": "Hm.", "refusal": None}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    reply = {"id": "r1", "model": "grok-4.3", "choices": choices, "usage": {**usage, **details}}
    told = {**reply, "citations": ["https://a.b"], "service_tier": "default"}
    return {"batch_request_id": custom_id, "batch_result": {"response": {"chat_get_completion": told}}}


@dataclass(frozen=True)
class Writer:
    """A vendor, and how it writes an answer with all that may be in one."""

    vendor: BatchVendor
    answered: Answered

    def row(self, custom_id: str, ended: Any) -> Any:
        return self.answered(custom_id) if ended == "answer" else self.vendor.row(custom_id, ended)


OPENAI, ANTHROPIC, GEMINI, GROK = BATCHES
WRITERS = {
    "openai": Writer(OPENAI, openai_row),
    "compatible": Writer(OPENAI, compatible_row),
    "anthropic": Writer(ANTHROPIC, anthropic_row),
    "gemini": Writer(GEMINI, gemini_row),
    "grok": Writer(GROK, grok_row),
}


@st.composite
def results(draw: st.DrawFn, writer: Writer) -> list[bytes]:
    """A file or a page of results after some accidents, in the pieces in which it comes."""
    ends = st.sampled_from(["answer", "answer", "error", "expired", "cancelled", "stray"])
    made = [writer.row(f"row-{number}", draw(ends)) for number in range(draw(st.integers(1, 4)))]
    made = draw(moved(made, [writer.row("row-0", "error"), draw(ANYTHING), [], [made], {"data": made}]))
    for _ in range(draw(st.integers(0, 3)) if made else 0):
        number = draw(st.integers(0, len(made) - 1))
        made[number] = draw(changed(made[number]))
    for custom_id in KEPT:
        made.insert(draw(st.integers(0, len(made))), writer.answered(custom_id))
    content = draw(spoilt(written(writer, made)))
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=4)))
    return [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def written(writer: Writer, made: list[Any]) -> bytes:
    text = "\n".join(map(as_json, made)) if writer.vendor.ends_with_a_line else as_json({"results": made})
    return text.encode("utf-8", "surrogatepass")


def whole_answers(writer: Writer, content: bytes) -> set[str]:
    """The rows to whose answers nothing has happened, in a file of which nothing can keep them from being read."""
    kept = {custom_id: written_row(writer, custom_id) for custom_id in KEPT}
    if writer.vendor.ends_with_a_line:
        lines = content.split(b"\n")
        return {custom_id for custom_id, line in kept.items() if line in lines}
    try:
        document = json.loads(content)
    except ValueError:
        return set()
    # What stands under another name is no list of results.
    if not isinstance(document, dict) or "results" not in document:
        return set()
    return {custom_id for custom_id, element in kept.items() if element in content}


def written_row(writer: Writer, custom_id: str) -> bytes:
    return as_json(writer.answered(custom_id)).encode()


@pytest.mark.parametrize("name", [*WRITERS] * ROUNDS)
async def test_no_result_that_is_nearly_the_vendor_s_is_a_bug_or_costs_another_row_its_answer(
    name: str,
) -> None:
    writer = WRITERS[name]
    state, _ = writer.vendor.results()
    for pieces in drawn(results(writer), EXAMPLES):
        adapter, _ = writer.vendor.scripted(*[Reply(chunks=list(pieces))] * 4)
        content = b"".join(pieces)
        begun = time.process_time()
        came: list[BatchResult] = []
        whole = whole_answers(writer, content)
        try:
            came = await outcomes(adapter, state)
        except Failure:
            assert not whole, pieces
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} of {pieces}") from error
        assert time.process_time() - begun < CPU_SECONDS, pieces
        answers = {row.custom_id: row.text for row in came if row.done and not row.failure}
        assert [each for each in whole if answers.get(each) != SAID] == [], (pieces, came)
        letters = sum(len(row.text) + len(row.thinking) for row in came)
        assert letters <= TIMES_AS_MUCH * len(content) + WORDS, pieces


@pytest.mark.parametrize("name", [*WRITERS] * ROUNDS)
async def test_no_result_that_is_nearly_the_vendor_s_is_a_bug_of_the_process_or_keeps_its_batch_from_an_end(
    name: str, tmp_path: Path
) -> None:
    writer = WRITERS[name]
    said, files = drawn(results(writer), JOBS), set[bytes]()
    whole, came = list[str](), list[dict[str, Any]]()

    def nearly(own: Whole) -> Whole:
        """What was drawn when a batch is first read, and what is right when it is read again."""
        ids = sorted({found[1] for found in WRITTEN_ID.finditer(own[1])})
        if len(ids) < ROWS or ids[0] in files:
            return own
        content = b"".join(said[len(files) % len(said)])
        whole.extend(whole_answers(writer, content))
        for placed, custom_id in zip(IDS, ids, strict=False):
            content = content.replace(placed.encode(), custom_id)
        files.add(ids[0])
        return own[0], content

    misbehaving = Misbehaviour(FILES[name], nearly, times=100_000)
    async with vendors(misbehaving) as there, native(tmp_path, there) as process:
        came += await one_batch(process, writer)
        before = process.rss_bytes()
        for _ in range(0, JOBS, AT_ONCE):
            for each in await asyncio.gather(*(one_batch(process, writer) for _ in range(AT_ONCE))):
                came += each
            assert (await process.call("system:health"))["status"] == "ok"
        after = process.rss_bytes()
        assert before is None or after is None or after - before < GROWTH_BYTES
        assert [line for line in process.stderr if "Traceback" in line] == [], process.stderr
        process.close_stdin()
        assert await process.wait() == 0
    assert len(files) > JOBS
    # Which rows these are is in no answer; what is read again says something else.
    assert sum(row.get("response") == SAID for row in came) >= len(whole) > 0


async def one_batch(process: SidecarProcess, writer: Writer) -> list[dict[str, Any]]:
    """A batch to its end: none of its rows waits for anything, and each has a result."""
    job_id = await submitted(process, writer.vendor.provider)
    await closed(process, job_id)
    found = await rows(process, job_id)
    assert not {row["status"] for row in found} & {"pending", "processing"}, found
    assert len(found) == ROWS
    return found
