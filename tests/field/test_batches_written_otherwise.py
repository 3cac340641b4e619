"""Results, states and reasons of batches that gateways write otherwise than the vendor whose API they have."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from sidecar.providers.kernel.csv_results import CsvResults
from tests.field.claims import field
from tests.field.vendors import (
    Misbehaviour,
    Whole,
    changed,
    closed,
    ended,
    native,
    rows,
    submitted,
    until,
    vendors,
)

RESULTS = r"GET /v1/files/\S+/content"
STATE = r"GET /v1/batches/"
ALWAYS = 1_000_000


def _as_list(lines: list[bytes]) -> bytes:
    return b"[" + b",".join(lines) + b"]"


def _bodies_as_text(lines: list[bytes]) -> bytes:
    found = [orjson.loads(line) for line in lines]
    for line in found:
        line["response"]["body"] = orjson.dumps(line["response"]["body"]).decode()
    return b"\n".join(map(orjson.dumps, found))


def _text(encoding: str, mark: str = "") -> Callable[[list[bytes]], bytes]:
    return lambda lines: (mark + b"\r\n".join(lines).decode()).encode(encoding)


def _as_answer(lines: list[bytes]) -> bytes:
    return b'{"object": "list", "data": [' + b",".join(lines) + b"]}"


def _over_lines(lines: list[bytes]) -> bytes:
    return b"\n".join(orjson.dumps(orjson.loads(line), option=orjson.OPT_INDENT_2) for line in lines)


def _by_row(lines: list[bytes]) -> bytes:
    return orjson.dumps({orjson.loads(line)["custom_id"]: orjson.loads(line) for line in lines})


def _cut_before(lines: list[bytes]) -> bytes:
    return b"\n".join([lines[0][:40], *lines])


def _table(delimiter: str) -> Callable[[list[bytes]], bytes]:
    def written(lines: list[bytes]) -> bytes:
        found = [orjson.loads(line) for line in lines]
        table = io.StringIO()
        writer = csv.writer(table, delimiter=delimiter)
        writer.writerow(found[0])
        for each in found:
            writer.writerow(json.dumps(cell) if isinstance(cell, dict) else cell for cell in each.values())
        return table.getvalue().encode()

    return written


def _responses_as_text(lines: list[bytes]) -> bytes:
    found = [orjson.loads(line) for line in lines]
    return b"\n".join(orjson.dumps({**each, "response": json.dumps(each["response"])}) for each in found)


WRITTEN: dict[str, Callable[[list[bytes]], bytes]] = {
    "a list": _as_list,
    "a list over lines": lambda lines: b"[\n" + b",\n".join(lines) + b"\n]\n",
    "a list in an answer": _as_answer,
    "a list deep in an answer": lambda lines: b'{"data": {"items": [' + b",".join(lines) + b"]}}",
    "each under its row": _by_row,
    "each over several lines": _over_lines,
    "a list of such": lambda lines: b"[\n" + _over_lines(lines).replace(b"\n}\n{", b"\n}, {") + b"\n]",
    "one that is cut before them": _cut_before,
    "texts of JSON": lambda lines: b"\n".join(orjson.dumps(line.decode()) for line in lines),
    "a script": lambda lines: b"\n".join(b"data = " + line + b";" for line in lines),
    "calls of a script": lambda lines: b"\n".join(b"take(" + line + b");" for line in lines),
    "numbers before them": lambda lines: b"\n".join(b"%d\t" % n + line for n, line in enumerate(lines)),
    "a stream": lambda lines: b"\n\n".join(b"data: " + line for line in lines) + b"\n\ndata: [DONE]\n\n",
    "no ends between them": b"".join,
    "ends of an old Macintosh": b"\r".join,
    "replies as text": _bodies_as_text,
    "responses as text": _responses_as_text,
    "a table": _table(","),
    "a table with semicolons": _table(";"),
    "a table with tabs": _table("\t"),
    "escaped for a page": lambda lines: html.escape(b"\n".join(lines).decode()).encode(),
    "as Python shows them": lambda lines: "\n".join(repr(orjson.loads(line)) for line in lines).encode(),
    "UTF-32": _text("utf-32"),
    "UTF-16 with a mark": _text("utf-16-le", "\ufeff"),
    "UTF-16 the other way": _text("utf-16-be", "\ufeff"),
    "UTF-16 without one": _text("utf-16-le"),
    "a mark of UTF-8": _text("utf-8", "\ufeff"),
    "a mark of UTF-16 before UTF-8": lambda lines: b"\xff\xfe" + b"\n".join(lines),
    "such a mark the other way round": lambda lines: b"\xfe\xff" + b"\n".join(lines),
    "such marks before a list": lambda lines: b"\xff\xfe\xef\xbb\xbf" + _as_list(lines),
    "a zero and nonsense before UTF-8": lambda lines: b"\0\x07a\0\n" + b"\n".join(lines),
}


@field("batches", "the output file is a CSV")
@field("batches", "the output file is in UTF-16")
@pytest.mark.parametrize("written", WRITTEN)
async def test_results_are_read_however_a_gateway_writes_them_down(written: str, tmp_path: Path) -> None:
    def otherwise(said: Whole) -> Whole:
        return said[0], WRITTEN[written](said[1].splitlines())

    def shouted(said: Whole) -> Whole:
        batch = orjson.loads(said[1])
        return said[0], orjson.dumps({**batch, "status": batch["status"].upper()})

    odd = Misbehaviour(RESULTS, otherwise, times=1_000)
    loud = Misbehaviour(STATE, shouted, times=1_000)
    async with vendors(odd, loud) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await ended(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success"] * 3
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))
    assert odd.left == 999


@pytest.mark.parametrize("word", ["ended", "completed", "SUCCEEDED"])
@pytest.mark.parametrize("url", [{}, {"results_url": None}])
async def test_an_anthropic_batch_is_read_in_another_s_words_and_its_results_where_they_always_are(
    word: str, url: dict[str, Any], tmp_path: Path
) -> None:
    def otherwise(batch: Any) -> Any:
        told = batch.pop("processing_status")
        return {**batch, "status": word if told == "ended" else "running", **url}

    odd = Misbehaviour(r"(GET|POST) /anthropic/v1/messages/batches(/[^/?]+)?$", changed(otherwise), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        found = await closed(process, await submitted(process, "anthropic"))
    assert (found["status"], found["completedRows"]) == ("completed", 3)
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


async def test_a_batch_of_google_s_is_read_in_another_s_words(tmp_path: Path) -> None:
    def otherwise(batch: Any) -> Any:
        batch["metadata"]["state"] = batch["metadata"]["state"].replace("SUCCEEDED", "COMPLETED")
        batch.pop("done", None)
        return batch

    odd = Misbehaviour(r"GET /gemini/v1beta/batches/", changed(otherwise), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        found = await closed(process, await submitted(process, "gemini"))
    assert (found["status"], found["completedRows"]) == ("completed", 3)
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


@pytest.mark.parametrize("told", [["The third line is bad"], "The third line is bad"])
async def test_why_a_batch_was_refused_is_told_in_whatever_shape_it_comes(told: Any, tmp_path: Path) -> None:
    def bare(said: Whole) -> Whole:
        batch = orjson.loads(said[1])
        return said[0], orjson.dumps(batch | {"errors": told} if batch["status"] == "failed" else batch)

    async with vendors(Misbehaviour(STATE, bare, times=1_000)) as there, native(tmp_path, there) as process:
        found = await ended(process, await submitted(process, prompts=["One [[simulate: batch_fails=true]]"]))
    assert "The third line is bad. Nothing of it was run or charged." in found["error"]


async def test_a_batch_that_ended_and_names_no_results_says_what_it_waits_for(tmp_path: Path) -> None:
    def nameless(said: Whole) -> Whole:
        batch = orjson.loads(said[1])
        return said[0], orjson.dumps(batch | {"output_file_id": None, "error_file_id": None})

    silent = Misbehaviour(STATE, nameless, times=100_000)
    async with vendors(silent) as there, native(tmp_path, there, poll_seconds=0.01) as process:
        job_id = await submitted(process)
        found = await until(process, job_id, lambda job: bool(job.get("error")))
        assert "names no results of it yet" in found["error"]
        silent.left = 0
        found = await ended(process, job_id)
        assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))
    assert not found.get("error")


# How gateways name the file of answers.
NAMED: dict[str, Callable[[str], dict[str, Any]]] = {
    "a list of ids": lambda id_: {"output_file_ids": [id_], "error_file_ids": []},
    "a list under the usual name": lambda id_: {"output_file_id": [id_]},
    "an object": lambda id_: {"output_file": {"id": id_}},
    "a list of objects": lambda id_: {"output_files": [{"id": id_, "object": "file"}]},
    "another spelling": lambda id_: {"outputFileId": id_},
    "another word": lambda id_: {"results_file_id": id_},
    "an object with a short name": lambda id_: {"output": {"file_id": id_}},
}


@pytest.mark.parametrize("named", NAMED)
async def test_the_file_of_answers_is_found_however_a_gateway_names_it(named: str, tmp_path: Path) -> None:
    def otherwise(batch: Any) -> Any:
        id_ = batch.pop("output_file_id", None)
        batch.pop("error_file_id", None)
        return batch | NAMED[named](id_) if id_ else batch

    odd = Misbehaviour(STATE, changed(otherwise), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success"] * 3
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


@pytest.mark.parametrize("word", ["expired", "failed", "cancelled"])
async def test_a_batch_that_ended_early_and_names_no_file_ends_soon_with_what_it_counts(
    word: str, tmp_path: Path
) -> None:
    def nameless(batch: Any) -> Any:
        counts = {"total": 3, "completed": 2, "failed": 1}
        gone = {"output_file_id": None, "error_file_id": None, "request_counts": counts}
        return batch | gone | {"status": word} if batch["status"] == "completed" else batch

    odd = Misbehaviour(STATE, changed(nameless), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert "counts 2 rows as done and names no results" in found["error"]
    assert {row["status"] for row in came} == {"cancelled" if word == "cancelled" else "error-api"}
    assert [row.get("cost_usd") for row in came] == [None] * 3, "nobody knows what was charged"


GROK_STATE = r"GET \S*/v1/batches/[^/?]+$"


def _without_state(batch: Any) -> Any:
    batch.pop("state", None)
    return batch


def _numbers_outside(batch: Any) -> Any:
    return batch | batch.pop("state", {})


def _state_as_word(batch: Any) -> Any:
    return batch | {"state": "in_progress" if batch["state"]["num_pending"] else "Completed"}


@pytest.mark.parametrize("told", [_numbers_outside, _state_as_word])
async def test_xai_s_state_is_read_in_numbers_beside_it_or_in_a_word(
    told: Callable[[Any], Any], tmp_path: Path
) -> None:
    odd = Misbehaviour(GROK_STATE, changed(told), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "grok")
        found = await closed(process, job_id)
    assert (found["status"], found["completedRows"]) == ("completed", 3)
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


async def test_a_batch_of_xai_s_that_tells_no_state_does_not_run_on_in_silence(tmp_path: Path) -> None:
    odd = Misbehaviour(GROK_STATE, changed(_without_state), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "grok")
        found = await until(process, job_id, lambda job: bool(job.get("error")))
        assert "did not say how the batch is doing" in found["error"]
        odd.left = 0
        found = await closed(process, job_id)
    assert (found["status"], found.get("error")) == ("completed", None)


def test_a_cell_of_a_table_may_be_of_any_length() -> None:
    table = CsvResults()
    assert table.begins(b"custom_id,response")
    told = json.dumps({"text": 'He said "so", and ' + "more " * 100_000})
    row = table.row(f'one,"{told.replace(chr(34), chr(34) * 2)}"'.encode())
    assert row == {"custom_id": "one", "response": json.loads(told)}
    assert table.row(b'two,"never closed') is None
