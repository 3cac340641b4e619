"""Lines of a batch's results that are not quite what they should be: each row that was paid for has its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE
from tests.field.vendors import Misbehaviour, Whole, closed, native, rows, submitted, vendors

OUTPUT = r"GET /v1/files/file-output\S*/content"
HALF = b"\\ud83d"


def with_half_an_emoji(said: Whole) -> Whole:
    """The first row's answer, with half an emoji alone in its text."""
    first, *others = said[1].splitlines()
    text = b'"text":"'
    assert text in first
    return said[0], b"\n".join([first.replace(text, text + HALF, 1), *others])


def with_a_byte_order_mark(said: Whole) -> Whole:
    return said[0], b"\xef\xbb\xbf" + said[1]


@field("batches", "a line of the output file with `\\ud83d` alone in its text")
async def test_half_an_emoji_in_a_line_costs_no_row_its_answer(tmp_path: Path) -> None:
    halved = Misbehaviour(OUTPUT, with_half_an_emoji, times=100)
    async with vendors(halved) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
        charged = there.batches[0]["chargedUSD"]
    assert [row["status"] for row in came] == ["success"] * 3
    # Which row the first line is of is the vendor's to say: results come in any order.
    assert sum(row["response"].startswith("\ufffd") for row in came) == 1
    assert all(len(row["response"]) > 1 for row in came)
    assert (found["status"], found["completedRows"]) == ("completed", 3)
    assert found["totalCost"] == pytest.approx(float(charged))


@field("batches", "a byte order mark before the first line")
async def test_a_byte_order_mark_costs_the_first_row_nothing(tmp_path: Path) -> None:
    marked = Misbehaviour(OUTPUT, with_a_byte_order_mark, times=100)
    async with vendors(marked) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
        charged = there.batches[0]["chargedUSD"]
    assert [row["status"] for row in came] == ["success"] * 3
    assert all(row["response"] for row in came)
    assert (found["status"], found["completedRows"]) == ("completed", 3)
    assert found["totalCost"] == pytest.approx(float(charged))


@pytest.mark.parametrize("number", ["1" + "0" * 30, "-" + "9" * 5_000])
async def test_a_number_of_any_length_beside_what_is_no_number_costs_no_row_its_answer(
    number: str, tmp_path: Path
) -> None:
    odd_part = f'"score":NaN,"seed":{number}}}'.encode()

    def otherwise(said: Whole) -> Whole:
        first, *others = said[1].splitlines()
        refused = {"status_code": 400, "body": {"error": {"message": "too warm"}}}
        named = orjson.dumps({**orjson.loads(first), "response": refused})
        reply: dict[str, Any] = {
            "choices": [{"message": {"content": "Morning"}, "finish_reason": "stop"}],
            "usage": USAGE,
        }
        replaced = orjson.dumps(
            {**orjson.loads(others[0]), "response": {"status_code": 200, "body": {**reply, "x": 1}}}
        )
        made = [
            named.replace(b'"too warm"}', b'"too warm",' + odd_part),
            replaced.replace(b'"x":1}', odd_part),
        ]
        return said[0], b"\n".join([*made, *others[1:]])

    odd = Misbehaviour(OUTPUT, otherwise)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        await closed(process, job_id)
        came = await rows(process, job_id)
        assert [line for line in process.stderr if "Traceback" in line] == []
    assert odd.left == 0
    assert sorted(row["status"] for row in came) == ["error-api", "success", "success"]
    assert "too warm" in str(came)
