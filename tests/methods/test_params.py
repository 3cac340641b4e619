"""Params that are wrong: told by the member that is, whatever else they might have been."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.contract.methods import METHODS
from sidecar.methods.routes import MOST_ISSUES
from tests.helpers.inside import Inside


@pytest.mark.parametrize(
    ("method", "params", "path"),
    [
        ("batch:update-status", {"jobId": "j", "status": "nope"}, "status"),
        ("batch:update-status", {"jobId": "j", "rowId": "r", "status": "nope", "result": {}}, "status"),
        ("batch:import", {"text": "a", "format": "xml"}, "format"),
        ("batch:import", {}, "path"),
        ("batch:get-status", {"nativeBatchId": "n", "providerName": 5}, "providerName"),
        (
            "messages:add",
            {"conversationId": "c", "role": "assistant", "content": "x", "tokensIn": 2**63},
            "tokensIn",
        ),
        (
            "batch:update-status",
            {"jobId": "j", "rowId": "r", "status": "success", "result": {"tokens_in": 2**63}},
            "result.tokens_in",
        ),
        (
            "batch:update-status",
            {"jobId": "j", "rowId": "r", "status": "success", "result": {"cost_usd": 1e300}},
            "result.cost_usd",
        ),
        ("settings:save", {"key": "apiKey", "provider": "openai", "value": "two words"}, "value"),
    ],
)
async def test_bad_params_are_told_by_the_member_that_is_wrong(
    app: Inside, method: str, params: dict[str, Any], path: str
) -> None:
    error = (await app.ask(method, params))["error"]
    assert error["code"] == -32602
    assert [issue["path"] for issue in error["data"]["issues"]] == [path]
    assert "Batch" not in error["message"]


@pytest.mark.parametrize("items", [[5], [{}], [None], ["nope"]])
@pytest.mark.parametrize(
    ("method", "params", "member"),
    [
        ("batch:export", {"jobId": "j", "path": "/x.csv", "format": "csv"}, "columns"),
        ("batch:report", {"jobIds": ["j"], "path": "/x.html"}, "beside"),
        ("models:save", {"provider": "lab", "id": "m"}, "features"),
        ("batch:estimate", {}, "rows"),
        ("batch:submit", {"projectId": "p"}, "rows"),
    ],
)
async def test_a_hundred_thousand_wrong_items_are_told_in_few_words(
    app: Inside, method: str, params: dict[str, Any], member: str, items: list[Any]
) -> None:
    error = (await app.ask(method, {**params, member: items * 100_000}))["error"]
    if error["code"] == -32602:
        assert 1 <= len(error["data"]["issues"]) <= MOST_ISSUES
    assert len(json.dumps(error)) < 20_000


def test_every_list_of_params_has_a_bound_but_the_rows_which_are_judged_a_few_at_a_time() -> None:
    unbounded = set()
    for method in METHODS:
        if method.params is None or method.planned or method.module == "rpc":
            continue
        types = importlib.import_module(f"sidecar.contract.types.{method.module}")
        schema = getattr(types, method.params).model_json_schema()
        unbounded |= {f"{method.name} {path}" for path in _unbounded(schema, "")}
    assert {each for each in unbounded if not each.endswith(".rows")} == set()


def _unbounded(schema: Any, path: str) -> Iterator[str]:
    """Where a list may be of any length."""
    if isinstance(schema, list):
        for each in schema:
            yield from _unbounded(each, path)
    elif isinstance(schema, dict):
        if schema.get("type") == "array" and "maxItems" not in schema:
            yield path
        for name, each in schema.items():
            here = path if name in {"properties", "anyOf", "$defs", "items"} else f"{path}.{name}"
            yield from _unbounded(each, here)
