"""Params that are wrong: told by the member that is, whatever else they might have been."""

from __future__ import annotations

from typing import Any

import pytest

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
