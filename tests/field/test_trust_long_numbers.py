"""Numbers of thousands of digits, and digits that are no numbers, wherever one is read: no bug of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import USAGE, Answer, Asked, head, raw, serving, stream, whole
from tests.field.lab import Lab, ask, refused, sidecar
from tests.field.test_files_workbooks import document, imported, table
from tests.helpers.process import RpcError

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = "9" * 5_000
# Digits for Python, and no number.
RAISED = "²"
GOOD = whole({"choices": [{"message": {"content": "Morning"}, "finish_reason": "stop"}], "usage": USAGE})


def error(status: int, /, **fields: Any) -> Answer:
    return raw(head(status), json.dumps({"error": {"message": "No.", **fields}}).encode())


@pytest.mark.parametrize("number", [LONG, RAISED])
async def test_a_refusal_that_tells_such_a_number_is_told(number: str, lab: Lab) -> None:
    prompt = f"maximum context length is {number} tokens. However, you requested {number} tokens ({number} in"
    for answer in (
        error(400, code=number),
        error(500, type=number, code=number, status=number),
        error(400, message=f"max_tokens must be less than or equal to {number}"),
        error(400, message=f"This model's {prompt} the messages, {number} in the completion)"),
        error(429, message=f"Rate limit. Please try again in {number}s.", retry_after=number),
        raw(
            head(429, {"date": "Mon, 1 Jan " + LONG, "retry-after": f"Mon, 01 Jan {number} 00:00:00 GMT"}),
            b"{}",
        ),
        raw(head(429, {"x-ratelimit-reset-requests": f"{LONG}h"}), b"{}"),
        raw(head(429, {"retry-after": "-inf", "retry-after-ms": "nan"}), b"{}"),
        raw(head(429, {"retry-after": number} if number.isascii() else {}), b'{"error": {"message": "No."}}'),
        stream({"error": {"message": "No.", "code": number}}),
    ):
        lab.switch.say(answer)
        told = await refused(lab.process)
        assert "bug" not in told.message
        assert told.data["kind"] != "internal_error"
    assert [line for line in lab.process.stderr if "Traceback" in line] == []


@pytest.mark.parametrize("number", [LONG, RAISED])
async def test_an_answer_whose_counts_and_times_are_such_numbers_is_an_answer(number: str, lab: Lab) -> None:
    body = {"choices": [{"message": {"content": "Morning"}, "finish_reason": "stop", "index": number}]}
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "cost"), number)
    bare = json.dumps({**body, "usage": USAGE, "created": 1}).replace('"created": 1', f'"created": -{LONG}')
    for answer in (
        whole({**body, "usage": usage, "created": number}),
        whole({**body, "choices": {number: body["choices"][0]}, "usage": USAGE}),
        raw(head(200), bare.encode()),
    ):
        lab.switch.say(answer)
        assert (await ask(lab.process))["answer"] == "Morning"


@pytest.mark.parametrize("number", [LONG, RAISED])
async def test_a_server_whose_models_are_called_or_as_long_as_such_numbers_is_looked_through(
    number: str, tmp_path: Path
) -> None:
    names = {"id": f"gemini-{number}", "context_length": number, "created": number, "max_model_len": number}

    def said(asked: Asked) -> Answer:
        return whole({"data": [names]}) if asked.method == "GET" else GOOD

    async with serving(said) as server, sidecar(tmp_path) as process:
        found = await process.call("models:discover", {"provider": "lab", "baseUrl": server.url})
        assert [model["id"] for model in found["models"]] == [names["id"]]
        for model in (f"gemini/gemini-{number}", f"openai/gpt-{number}", f"claude-{number}"):
            told = await refused(process, model=model)
            assert told.data["kind"] != "internal_error"


def old_xml(number: str) -> bytes:
    def row(*cells: str) -> str:
        told = (
            f'<Cell ss:Index="{number}" ss:MergeAcross="{number}"><Data>{each}</Data></Cell>'
            for each in cells
        )
        return f"<Row>{''.join(told)}</Row>"

    spelled = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        f'<?xml version="1.0"?><Workbook xmlns="{spelled}" xmlns:ss="{spelled}"><Worksheet ss:Name="S"><Table>'
        f"{row('prompt')}{row('Why?')}</Table></Worksheet></Workbook>"
    ).encode()


def open_document(number: str) -> bytes:
    spaces = f'<text:s text:c="{number}"/>'
    repeated = f'<table:table-cell table:number-columns-repeated="{number}">'
    rows = (
        f"<table:table-row>{repeated}<text:p>{text}</text:p></table:table-cell></table:table-row>"
        for text in ("prompt", f"Why{spaces}not?")
    )
    return document(table("S", *rows))


FILES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "a table whose first cells are such": (
        "t.csv",
        lambda number: f"{number};prompt\n{number};Why?\n".encode(),
    ),
    "a workbook in XML": ("t.xml", old_xml),
    "an OpenDocument": ("t.ods", open_document),
    "lines of JSON": (
        "t.jsonl",
        lambda number: f'{{"prompt": "Why?", "data": {{"n": {number}}}}}\n'.encode(),
    ),
    "lines of JSON without a prompt": (
        "t.jsonl",
        lambda number: f'{{"why": {number}}}\n{{"why": 1}}\n'.encode(),
    ),
    "a row that asks for so many tokens": (
        "t.csv",
        lambda number: (
            f"prompt,model,maxOutputTokens,temperature\nWhy?,openai/gpt-6-luna,{number},{number}\n".encode()
        ),
    ),
    "ids": ("t.csv", lambda number: f"id,prompt\nrow-{number},Why?\nrow-{number},How?\n".encode()),
}


@pytest.mark.parametrize("number", [LONG, RAISED])
@pytest.mark.parametrize("kind", FILES)
async def test_a_table_with_such_numbers_is_read_or_refused_with_a_sentence(
    kind: str, number: str, tmp_path: Path
) -> None:
    name, written = FILES[kind]
    told: dict[str, Any] = {"kind": "invalid_params"}
    try:
        assert await imported(tmp_path, name, written(number), model="openai/gpt-6-luna")
    except RpcError as refusal:
        told = refusal.data
    assert told["kind"] == "invalid_params"
