"""Files of vendors' own batches: what they ask for is taken or told, and results are no questions."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sidecar.batch.files.import_rows import collect, read_rows

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
RESPONSE = {"model": "m", "input": "Hi"}
ROW = {"id": "r1", "prompt": "Hi", "model": "m"}


def read(*records: Any) -> dict[str, Any]:
    text = "\n".join(map(json.dumps, records)).encode()
    found: dict[str, Any] = json.loads(collect(read_rows(io.BytesIO(text), "jsonl")))
    return found


@pytest.mark.parametrize(
    ("record", "more"),
    [
        ({"batch_request_id": "r1", "batch_request": {"chat_get_completion": CHAT}}, {}),
        (
            {
                "custom_id": "r1",
                "body": {**RESPONSE, "text": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            },
            {"jsonMode": True, "jsonSchema": SCHEMA},
        ),
        (
            {
                "custom_id": "r1",
                "params": {**CHAT, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            },
            {"jsonMode": True, "jsonSchema": SCHEMA},
        ),
        (
            {
                "metadata": {"key": "r1"},
                "request": {
                    "model": "m",
                    "contents": [{"parts": [{"text": "Hi"}]}],
                    "generationConfig": {
                        "responseMimeType": "application/json",
                        "responseJsonSchema": SCHEMA,
                    },
                },
            },
            {"jsonMode": True, "jsonSchema": SCHEMA},
        ),
    ],
)
def test_a_line_of_any_vendor_s_batch_is_a_row_with_its_schema(record: Any, more: dict[str, Any]) -> None:
    found = read(record)
    assert found["rows"] == [ROW | more]
    assert found["errors"] == []


def test_what_has_no_place_in_a_row_is_told_once() -> None:
    body = {**CHAT, "tools": [{"type": "function"}], "top_p": 0.5, "max_tokens": 9}
    found = read({"custom_id": "r1", "body": body}, {"custom_id": "r2", "body": body})
    assert [row["maxOutputTokens"] for row in found["rows"]] == [9, 9]
    assert [error["message"] for error in found["errors"]] == [
        'What a row has no place for is left out: "tools", "top_p".'
    ]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            {"custom_id": "r1", "response": {"status_code": 200, "body": {}}, "error": None},
            "results of a batch",
        ),
        ({"custom_id": "r1", "result": {"type": "succeeded", "message": {}}}, "results of a batch"),
        ({"key": "r1", "response": {"candidates": []}}, "results of a batch"),
        ({"custom_id": "r1", "url": "/v1/embeddings", "body": RESPONSE}, "/v1/embeddings"),
    ],
)
def test_what_asks_nothing_is_no_row_and_is_told(record: Any, words: str) -> None:
    found = read(record)
    assert found["rows"] == []
    assert words in found["errors"][0]["message"]


@pytest.mark.parametrize(
    "record",
    [
        {"custom_id": "r1", "body": {"messages": [{"role": "user", "content": "Hi"}]}},
        {"key": "r1", "request": {"contents": [{"parts": [{"text": "Hi"}]}]}},
        "Hi",
    ],
)
def test_a_question_that_lacks_only_a_model_is_offered_with_one_for_all(record: Any) -> None:
    text = json.dumps([record]).encode()
    (choice,) = json.loads(collect(read_rows(io.BytesIO(text), "json")))["seen"]["choices"]
    assert choice == {
        "label": "Read the prompts as they are, and choose a model for all rows.",
        "options": {},
        "needs": ["model"],
    }


def test_empty_texts_in_place_of_options_say_nothing_and_marks_between_glued_files_are_none() -> None:
    record = {"prompt": "Hi", "model": "m", "id": "r1", "temperature": "", "max_tokens": ""}
    text = "\ufeff".join(["", json.dumps(record) + "\n", json.dumps(record | {"id": "r2"})])
    found = json.loads(collect(read_rows(io.BytesIO(text.encode()), "jsonl")))
    assert found == {"rows": [ROW, ROW | {"id": "r2"}], "errors": []}
