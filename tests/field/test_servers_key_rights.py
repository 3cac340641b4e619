"""Keys that are known and may not do this: what they lack is told, and they are not called invalid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Switch, serving, whole
from tests.field.lab import refused, sidecar, vendor_environment
from tests.field.test_servers_key_checks import tried
from tests.field.vendors import MODELS

RIGHTS = {
    "openai": [
        (403, "You have insufficient permissions for this operation. Missing scopes: model.request."),
        (401, "Missing scopes: api.responses.write. Check that you have the correct role."),
        (401, "Your IP address 192.0.2.1 is not authorized to use this API key."),
    ],
    "anthropic": [
        (403, "Your API key does not have permission to use the specified resource."),
        (403, "Your API key does not have access to the Message Batches API."),
    ],
    "gemini": [
        (403, "Requests from referer <empty> are blocked."),
        (
            403,
            "The provided API key has an IP address restriction. The call (192.0.2.1) violates this restriction.",
        ),
        (403, "Requests to this API generativelanguage.googleapis.com method GenerateContent are blocked."),
        (403, "The caller does not have permission"),
    ],
    "grok": [(403, "The API key doesn't have the required permission for this endpoint.")],
}
WRONG = {"openai": "Incorrect API key provided.", "anthropic": "invalid x-api-key"}


def said(vendor: str, status: int, words: str) -> Any:
    if vendor == "gemini":
        return whole({"error": {"code": status, "status": "PERMISSION_DENIED", "message": words}}, status)
    if vendor == "grok":
        code = "The caller does not have permission to execute the specified operation"
        return whole({"code": code, "error": words}, status)
    kind = "permission_error" if status == 403 else "authentication_error"
    return whole({"type": "error", "error": {"type": kind, "message": words}}, status)


@field("servers", "a key lacks a scope or a permission")
@pytest.mark.parametrize("vendor", RIGHTS)
async def test_a_key_that_lacks_a_right_is_told_what_it_lacks_and_is_not_called_invalid(
    vendor: str, tmp_path: Path
) -> None:
    switch = Switch()
    async with (
        serving(switch) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        news = process.notifications["settings:invalidKey"]
        for status, words in RIGHTS[vendor]:
            switch.say(said(vendor, status, words))
            failure = await refused(process, model=MODELS[vendor])
            assert failure.data["kind"] == "invalid_api_key", words
            assert "lacks a right" in failure.message
            assert words.rstrip(".") in failure.message
            assert "refused the API key" not in failure.message
            assert len(switch.asked) == 1
        assert news.empty()
        if vendor in WRONG:
            switch.say(said(vendor, 401, WRONG[vendor]))
            failure = await refused(process, model=MODELS[vendor])
            assert "lacks a right" not in failure.message
            assert await process.notification("settings:invalidKey") == {"provider": vendor}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_without_the_right_to_list_models_is_valid_for_questions(
    status: int, tmp_path: Path
) -> None:
    answer = said("openai", status, "You have insufficient permissions. Missing scopes: api.model.read.")
    async with (
        serving(answer) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        assert await tried(process, "openai") == "valid"
