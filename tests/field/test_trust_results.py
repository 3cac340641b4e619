"""Results files of batches that hold far more than was asked for: the process stays small, and our rows are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, head, serving, whole
from tests.field.lab import project, sidecar, vendor_environment
from tests.field.test_trust_memory import MEGABYTE, staying_small

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

ROWS = 2


def answered(custom_id: str, text: str = "Good morning") -> bytes:
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }
    return line(custom_id, {"type": "succeeded", "message": message})


def failed(custom_id: str, why: str = "Overloaded") -> bytes:
    error = {"type": "error", "error": {"type": "api_error", "message": why}}
    return line(custom_id, {"type": "errored", "error": error})


def line(custom_id: str, result: Any) -> bytes:
    return json.dumps({"custom_id": custom_id, "result": result}).encode() + b"\n"


LONG = b"x" * MEGABYTE


def long_ids(number: int) -> list[bytes]:
    before, after = failed(f"{number:06}?").split(b"?")
    return [before, LONG, after]


def long_answers(number: int) -> list[bytes]:
    before, after = answered(f"strange-{number}", "?").split(b"?")
    return [before, *[LONG] * 10, after]


# The lines before the two rows of ours, how many, and the bound that keeps them from being held.
FILES: dict[str, tuple[Callable[[int], list[bytes]], int, str]] = {
    "failures with long ids": (long_ids, 700, "providers.kernel.batch_rows.MOST_ID_LETTERS"),
    "long answers": (long_answers, 75, "batch.native.reading.MOST_LETTERS"),
}


def results(strange: list[bytes]) -> Callable[[Asked], Answer]:
    """Anthropic with one batch, whose results are these, and an answer to each row."""
    rows: list[str] = []

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            rows.extend(each["custom_id"] for each in asked.json["requests"])
        if asked.path.endswith("/results"):
            return Answer([head(), *strange, *map(answered, rows)])
        ended = bool(rows) and asked.path.endswith("/b1")
        counts = dict.fromkeys(("processing", "errored", "canceled", "expired"), 0)
        return whole(
            {
                "id": "b1",
                "type": "message_batch",
                "processing_status": "ended" if ended else "in_progress",
                "request_counts": {**counts, "succeeded": ROWS},
                "results_url": "/results" if ended else None,
                "created_at": "2026-01-01T00:00:00Z",
                "ended_at": None,
                "data": [],
                "has_more": False,
            }
        )

    return answer


@pytest.mark.parametrize("what", FILES)
async def test_a_results_file_of_what_nobody_asked_for_takes_little_memory_and_keeps_no_row_from_its_answer(
    what: str, tmp_path: Path
) -> None:
    made, lines, bound = FILES[what]
    strange = [piece for number in range(lines) for piece in made(number)]
    async with serving(results(strange)) as server:
        environment = vendor_environment(server.url, "anthropic")
        async with (
            sidecar(tmp_path, "--batch-poll-seconds", "1", environment=environment, deadline=200) as process,
            staying_small(process, bound) as told,
        ):
            asked = [{"prompt": "Why?", "model": "anthropic/claude-sonnet-5"} for _ in range(ROWS)]
            job = await process.call(
                "batch:submit-native",
                {"projectId": await project(process), "rows": asked, "providerName": "anthropic"},
            )
            while (await process.notification("batch:progress"))["status"] not in ("completed", "failed"):
                pass
            rows = await process.call("batch:get-results", {"jobId": job["jobId"]})
            told.append("Every row has its answer")
    assert [row["response"] for row in rows] == ["Good morning"] * ROWS
