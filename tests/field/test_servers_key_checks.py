"""A key that is tried out: what is no answer of the vendor's takes no key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, chat_chunks, head, raw, serving, stream, whole
from tests.field.lab import own_models, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

VENDORS = ("openai", "anthropic", "gemini", "grok")
LIST = {"object": "list", "data": [{"id": "m", "object": "model"}], "models": [{"name": "models/m"}]}


async def tried(process: SidecarProcess, provider: str) -> str:
    """Whether the key is valid, why not, or what kept everybody from knowing."""
    try:
        found = await process.call("settings:validate-key", {"provider": provider})
    except RpcError as error:
        return error.message
    return "valid" if found["valid"] else f"invalid: {found['reason']}"


async def all_told(folder: Path, answer: Answer) -> dict[str, str]:
    async with serving(answer) as server:
        environment = vendor_environment(server.url, *VENDORS)
        models = own_models(server.url)
        async with sidecar(folder, models=models, environment=environment) as process:
            return {provider: await tried(process, provider) for provider in (*VENDORS, "lab")}


@field("servers", "a key is tried out, and a web page comes with 200")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (whole("<html><body>Sign in to Hotel Wifi</body></html>"), "answers with a web page"),
        (whole(b""), "did not answer with JSON"),
        (whole("It works!"), "did not answer with JSON"),
    ],
)
async def test_what_is_no_answer_of_the_vendor_s_makes_no_key_valid(
    answer: Answer, told: str, tmp_path: Path
) -> None:
    for provider, said in (await all_told(tmp_path, answer)).items():
        assert told in said, provider


@field("servers", "a key is tried out, and the refusal comes with 200")
async def test_a_refusal_inside_a_200_or_a_400_makes_a_key_invalid(tmp_path: Path) -> None:
    refusals = {
        "openai": {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}},
        "anthropic": {
            "type": "error",
            "error": {"type": "authentication_error", "message": "invalid x-api-key"},
        },
        "gemini": {"error": {"code": 401, "message": "No.", "status": "UNAUTHENTICATED"}},
        "grok": {"error": {"message": "No.", "code": 401}},
        "lab": {"error": {"message": "No.", "code": 401}},
    }
    for provider, refusal in refusals.items():
        told = await all_told(tmp_path / provider, whole(refusal))
        assert told[provider].startswith("invalid: "), told[provider]
    words = whole({"error": {"message": "API key not valid. Please pass a valid API key."}}, 400)
    for provider, said in (await all_told(tmp_path / "words", words)).items():
        assert said.startswith("invalid: "), provider
        assert "API key not valid" in said, provider


async def test_a_list_of_models_in_any_form_makes_a_key_valid(tmp_path: Path) -> None:
    wide = raw(head(200), json.dumps(LIST).encode("utf-16"))
    bare = whole(LIST["data"])
    for number, answer in enumerate((whole(LIST), wide, bare, whole({"data": []}), whole({"data": None}))):
        assert set((await all_told(tmp_path / f"{number}", answer)).values()) == {"valid"}


@field("servers", "a key is tried out, or models are listed, and JSON of another kind comes with 200")
@pytest.mark.parametrize(
    "other",
    [
        {"status": "login required"},
        {},
        "ok",
        True,
        "<html><body>Sign in</body></html>",
        {"data": {"status": "login required"}},
        {"result": "ok", "models": "none"},
        [{"status": "login required"}],
        {"data": [{"message": "no"}]},
    ],
    ids=json.dumps,
)
async def test_json_of_another_kind_makes_no_key_valid_and_is_no_list(other: object, tmp_path: Path) -> None:
    for provider, said in (await all_told(tmp_path, whole(json.dumps(other).encode()))).items():
        assert "answers is not" in said, (provider, said)
    async with serving(whole(json.dumps(other).encode())) as server:
        environment, models = vendor_environment(server.url, *VENDORS), own_models(server.url)
        async with sidecar(tmp_path / "listing", models=models, environment=environment) as process:
            for provider in (*VENDORS, "lab"):
                with pytest.raises(RpcError, match="answers is not"):
                    await process.call("models:discover", {"provider": provider})


ROW = {"id": "m", "name": "models/m", "note": "x" * 200}
LONG: dict[str, object] = {
    "OpenAI's": {"object": "list", "data": [ROW] * 8000},
    "Google's": {"models": [ROW] * 8000},
    "a bare list": [ROW] * 8000,
    "by their names": {"data": {f"m{number}": ROW for number in range(8000)}},
    "names alone": {"object": "list", "data": [f"model-{number:020}" for number in range(50_000)]},
}
OTHER_LONG: dict[str, object] = {
    "rows of another kind": {"data": [{"status": "x" * 200}] * 8000},
    "another list": {"rows": [ROW] * 8000},
    "a bare list": [{"status": "x" * 200}] * 8000,
    "a text": {"data": "x" * 2_000_000},
}


@field("servers", "a key is tried out, and what comes with 200 is longer than a megabyte")
async def test_what_is_long_makes_a_key_valid_where_it_begins_as_a_list_of_models(tmp_path: Path) -> None:
    for number, (name, page) in enumerate(LONG.items()):
        assert set((await all_told(tmp_path / f"{number}", whole(page))).values()) == {"valid"}, name
    for number, (name, page) in enumerate(OTHER_LONG.items()):
        for provider, said in (await all_told(tmp_path / f"other{number}", whole(page))).items():
            assert "answers is not" in said, (name, provider, said)
    for provider, said in (await all_told(tmp_path / "words", whole(b"It works! " * 200_000))).items():
        assert "did not answer with JSON" in said, provider


@field("servers", "a key is tried out, and events come in place of a list")
async def test_events_make_a_key_valid_where_a_list_of_models_is_in_them(tmp_path: Path) -> None:
    told = await all_told(tmp_path / "list", stream(LIST))
    # xAI describes a key in a document of its own.
    assert "did not answer with JSON" in told.pop("grok")
    assert set(told.values()) == {"valid"}
    for number, answer in enumerate((stream({"status": "ok"}), stream(*chat_chunks("Hi"), "[DONE]"))):
        told = await all_told(tmp_path / f"{number}", answer)
        told.pop("grok")
        assert all("answers is not" in said for said in told.values()), told
    told = await all_told(tmp_path / "error", stream({"error": {"message": "No such key.", "code": 401}}))
    assert "valid" not in told.values()
    assert told["openai"].startswith("invalid: ")


@field("servers", "a key is tried out, and an empty list without a name comes with 200")
async def test_an_empty_list_without_a_name_is_a_server_without_models_and_no_vendor(tmp_path: Path) -> None:
    told = await all_told(tmp_path, whole([]))
    assert told.pop("lab") == "valid"
    assert all("answers is not" in said for said in told.values()), told
