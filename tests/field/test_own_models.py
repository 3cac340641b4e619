"""A person's own servers and new models of vendors, found and written down without a file edited by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, Script, Switch, chat_chunks, serving, stream, whole
from tests.field.lab import KEY, ask, batch_rows, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
MISSING = whole({"error": {"message": "404 page not found"}}, 404)


def by_path(**answers: Any) -> Script:
    """Each path, its slashes written as two underscores, with its answer; a list is walked by `after`."""

    def script(asked: Asked) -> Answer:
        found = answers.get(asked.path.strip("/").replace("/", "__").replace(".", "_"), MISSING)
        return found if isinstance(found, Answer) else whole(found)

    return script


async def discovered(process: SidecarProcess, provider: str = "lab", **params: Any) -> list[dict[str, Any]]:
    answer = await process.call("models:discover", {"provider": provider, **params})
    assert answer["provider"] == provider
    return list(answer["models"])


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        (by_path(v1__models={"object": "list", "data": [{"id": "m1", "max_model_len": 4096}]}), 4096),
        (by_path(v1__models=[{"id": "m1", "context_length": 4096, "type": "chat"}]), 4096),
        (by_path(api__tags={"models": [{"name": "m1", "model": "m1", "size": 7}]}), None),
        (
            by_path(
                v1__models={"data": [{"id": "m1"}, {"id": "embed"}]},
                api__v0__models={
                    "data": [
                        {"id": "m1", "type": "llm", "max_context_length": 4096},
                        {"id": "embed", "type": "embeddings"},
                    ]
                },
            ),
            4096,
        ),
    ],
    ids=["vllm", "a bare list", "ollama", "lm studio"],
)
@pytest.mark.parametrize("path", ["", "/v1"])
async def test_a_server_that_is_no_provider_yet_is_asked_for_its_models(
    script: Script, limits: int | None, path: str, tmp_path: Path
) -> None:
    async with serving(script) as server, sidecar(tmp_path) as process:
        found = await discovered(process, baseUrl=server.url + path)
    wanted = {"id": "m1", "modelId": "lab/m1", "known": False}
    assert found == [wanted | ({"contextSize": limits} if limits else {})]
    assert not any("authorization" in asked.headers for asked in server.asked)
    assert not (tmp_path / "models.json").exists()


async def test_a_found_model_is_saved_and_answers_at_once_and_after_a_restart(tmp_path: Path) -> None:
    script = by_path(v1__models={"data": [{"id": "m1", "max_model_len": 4096}]}, v1__chat__completions=GOOD)
    async with serving(script) as server:
        async with sidecar(tmp_path) as process:
            await discovered(process, baseUrl=server.url)
            params = {"provider": "lab", "id": "m1", "server": {"baseUrl": server.url}}
            saved = await process.call("models:save", {**params, "price": {"prompt": 1, "completion": 2.5}})
            assert (saved["model"]["contextSize"], saved["model"]["pricing"]["completion"]) == (4096, 2.5)
            assert (await ask(process, model="lab/m1"))["answer"] == "Good morning"
            assert {"lab/m1"} <= {f"{m['provider']}/{m['id']}" for m in await process.call("models:get-all")}
        async with sidecar(tmp_path) as process:
            assert (await ask(process, model="lab/m1"))["costUSD"] > 0


async def test_a_server_that_moves_is_asked_at_its_new_address_with_its_new_key(tmp_path: Path) -> None:
    async with (
        serving(GOOD) as old,
        serving(GOOD) as new,
        sidecar(tmp_path, models=own_models(old.url)) as process,
    ):
        await ask(process)
        moved = {"baseUrl": new.url, "keyName": "LAB_KEY", "keyRequired": True}
        await process.call("models:save", {"provider": "lab", "server": moved})
        assert "Missing API key" in (await refused(process)).message
        await process.call("settings:save", {"key": "apiKey", "provider": "lab", "value": KEY})
        await ask(process)
    assert (len(old.asked), len(new.asked)) == (1, 1)
    assert new.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_what_a_person_wrote_into_the_file_by_hand_stays_when_a_model_is_saved(tmp_path: Path) -> None:
    models = own_models("http://127.0.0.1:9") | {"notes": "Mine."}
    models["models"][0]["prices"][0]["perMillion"]["prompt"] = "0.123456789012"
    async with sidecar(tmp_path, models=models) as process:
        await process.call(
            "models:save", {"provider": "lab", "id": "n", "price": {"prompt": 0.1, "completion": 0}}
        )
    kept = json.loads((tmp_path / "models.json").read_text("utf-8"))
    assert kept["notes"] == "Mine."
    assert kept["providers"] == models["providers"]
    assert kept["models"][0] == models["models"][0]
    assert kept["models"][1]["prices"][0]["perMillion"] == {"prompt": 0.1, "completion": 0}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"provider": "lab", "id": "n", "server": {"baseUrl": "ftp://lab"}},
            "providers.lab.baseUrl must begin",
        ),
        (
            {"provider": "a/b", "id": "n", "server": {"baseUrl": "http://lab"}},
            "must be a name without a slash",
        ),
        ({"provider": "nobody", "id": "n"}, "no provider yet"),
        (
            {
                "provider": "openai",
                "id": "gpt-6-luna",
                "price": {"from": "soon", "prompt": 1, "completion": 1},
            },
            "prices[0].from must be a day",
        ),
    ],
)
async def test_what_is_wrong_is_told_and_changes_nothing(
    params: dict[str, Any], words: str, tmp_path: Path
) -> None:
    async with sidecar(tmp_path) as process:
        before = await process.call("models:get-all")
        with pytest.raises(RpcError) as caught:
            await process.call("models:save", params)
        assert words in caught.value.message
        assert caught.value.data["kind"] == "invalid_params"
        assert await process.call("models:get-all") == before
    assert not (tmp_path / "models.json").exists()


async def test_a_model_that_is_deleted_is_gone_and_a_shipped_one_is_as_shipped_again(tmp_path: Path) -> None:
    async with sidecar(tmp_path, models=own_models("http://127.0.0.1:9")) as process:
        shipped = await process.call("models:get", {"id": "openai/gpt-6-luna"})
        await process.call("models:save", {"provider": "openai", "id": "gpt-6-luna", "name": "Ours"})
        assert (await process.call("models:get", {"id": "gpt-6-luna"}))["name"] == "Ours"
        await process.call("models:delete", {"provider": "openai", "id": "gpt-6-luna"})
        assert await process.call("models:get", {"id": "gpt-6-luna"}) == shipped
        await process.call("models:delete", {"provider": "lab"})
        assert (await refused(process)).data["kind"] == "not_found"
    assert json.loads((tmp_path / "models.json").read_text("utf-8")) == {"providers": {}, "models": []}


PAGES = {
    "openai": {"v1__models": {"data": [{"id": "gpt-6-luna"}, {"id": "gpt-7"}]}},
    "grok": {"v1__models": {"data": [{"id": "grok-4.7"}, {"id": "grok-5"}]}},
}


@pytest.mark.parametrize(
    ("vendor", "known", "new"), [("openai", "gpt-6-luna", "gpt-7"), ("grok", "grok-4.7", "grok-5")]
)
async def test_a_model_that_a_vendor_lists_and_the_catalogue_lacks_is_asked_at_once_and_its_cost_is_not_known(
    vendor: str, known: str, new: str, tmp_path: Path
) -> None:
    script = by_path(**PAGES[vendor], v1__chat__completions=GOOD)
    async with serving(script) as server:
        environment = vendor_environment(server.url, vendor)
        async with sidecar(tmp_path, environment=environment) as process:
            reply = await ask(process, model=f"{vendor}/{new}")
            assert (reply["answer"], reply["model"]) == ("Good morning", f"{vendor}/{new}")
            assert "costUSD" not in reply
            found = await discovered(process, vendor)
            assert [(each["id"], each["known"]) for each in found] == [(known, True), (new, False)]
        async with sidecar(tmp_path, environment=environment) as process:
            listed = len([asked for asked in server.asked if asked.path == "/v1/models"])
            rows = await batch_rows(process, {"prompt": "Why?", "model": f"{vendor}/{new}"})
            assert [row["status"] for row in rows] == ["success"]
            assert len([asked for asked in server.asked if asked.path == "/v1/models"]) == listed
    assert json.loads(server.asked[1].body)["model"] == new


async def test_a_name_that_its_vendor_does_not_list_is_still_told_with_the_names_that_are_close(
    tmp_path: Path,
) -> None:
    async with serving(by_path(**PAGES["openai"])) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, environment=environment) as process:
            error = await refused(process, model="openai/gpt-6-lunna")
    assert error.data["kind"] == "not_found"
    assert "gpt-6-luna" in error.message


@pytest.mark.parametrize(
    ("vendor", "path", "pages"),
    [
        (
            "anthropic",
            "/v1/models",
            {
                "": {
                    "data": [{"id": "claude-a", "display_name": "A", "max_input_tokens": 9}],
                    "has_more": True,
                    "last_id": "claude-a",
                },
                "after_id=claude-a": {"data": [{"id": "claude-b"}], "has_more": False, "last_id": "claude-b"},
            },
        ),
        (
            "gemini",
            "/v1beta/models",
            {
                "": {
                    "models": [
                        {
                            "name": "models/claude-a",
                            "displayName": "A",
                            "inputTokenLimit": 9,
                            "supportedGenerationMethods": ["generateContent"],
                        },
                        {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]},
                    ],
                    "nextPageToken": "t2",
                },
                "pageToken=t2": {"models": [{"name": "models/claude-b"}]},
            },
        ),
    ],
)
async def test_the_list_of_a_vendor_is_read_to_its_last_page(
    vendor: str, path: str, pages: dict[str, Any], tmp_path: Path
) -> None:
    def script(asked: Asked) -> Answer:
        assert asked.path == path
        return whole(pages[next((each for each in pages if each and each in asked.target), "")])

    async with (
        serving(script) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, vendor)) as process,
    ):
        found = await discovered(process, vendor)
    assert [(each["id"], each.get("name"), each.get("contextSize")) for each in found] == [
        ("claude-a", "A", 9),
        ("claude-b", None, None),
    ]


async def test_a_list_that_goes_round_in_a_circle_ends_with_a_sentence(tmp_path: Path) -> None:
    endless = {"data": [{"id": "claude-a"}], "has_more": True, "last_id": "claude-a"}
    async with (
        serving(whole(endless)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        with pytest.raises(RpcError) as caught:
            await discovered(process, "anthropic")
    assert "no end" in caught.value.message


async def test_without_a_key_a_vendor_is_not_asked(tmp_path: Path) -> None:
    async with sidecar(tmp_path) as process:
        with pytest.raises(RpcError) as caught:
            await discovered(process, "openai")
    assert caught.value.data["kind"] == "missing_api_key"


async def test_a_server_without_any_list_says_so(tmp_path: Path) -> None:
    async with serving(MISSING) as server, sidecar(tmp_path) as process:
        with pytest.raises(RpcError) as caught:
            await discovered(process, baseUrl=server.url)
    assert "has no list of models" in caught.value.message


def listed(*ids: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": each} for each in ids]}


PAGE = "<!doctype html><html>An app</html>"
ODD_IDS = ("org/a:free", "has space", "a/b/c", "C:\\models\\x.gguf", "é", "..", "x" * 300)
LISTS: dict[str, tuple[str, Any, list[str]]] = {
    "texts": ("/v1/models", ["a", "b"], ["a", "b"]),
    "no rows": ("/v1/models", {"object": "list", "data": None}, []),
    "a result": ("/v1/models", {"success": True, "result": [{"name": "@cf/meta/llama"}]}, ["@cf/meta/llama"]),
    "in an envelope": ("/v1/models", {"data": {"models": [{"id": "a"}]}}, ["a"]),
    "by name": ("/v1/models", {"data": {"a": {"id": "a"}, "b": {"id": "b"}}}, ["a", "b"]),
    "a gateway's": ("/v1/models", {"model_list": [{"model_name": "a"}]}, ["a"]),
    "twice the same": ("/v1/models", listed("a", "a", "b"), ["a", "b"]),
    "odd ids": ("/v1/models", listed(*ODD_IDS), list(ODD_IDS)),
    "odd rows": ("/v1/models", {"data": [{"id": None}, "s", None, [1], {"name": "n"}]}, ["s", "n"]),
    "a byte order mark": ("/v1/models", b"\xef\xbb\xbf" + json.dumps(listed("a")).encode(), ["a"]),
    "UTF-16": ("/v1/models", json.dumps(listed("a")).encode("utf-16"), ["a"]),
    "no version": ("/models", listed("a"), ["a"]),
    "Ollama's": ("/api/tags", {"models": [{"name": "a"}]}, ["a"]),
    "very many": ("/v1/models", listed(*(f"m{number}" for number in range(10_000))), []),
    "others than those that answer": (
        "/v1/models",
        {
            "data": [
                {"id": "a", "type": "chat", "context_length": "4096"},
                {"id": "b", "type": "embedding"},
                {"id": "c", "object": "embedding"},
                {"id": "d", "task": {"name": "Text Embeddings"}},
                {"id": "e", "architecture": {"output_modalities": ["image"]}},
                {"id": "f", "capabilities": {"completion_chat": False}},
            ]
        },
        ["a"],
    ),
}


async def test_a_list_of_models_is_read_in_whatever_shape_and_place_it_is(tmp_path: Path) -> None:
    """Everywhere else the server shows its page."""
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path) as process:
        for name, (path, body, ids) in LISTS.items():

            def answer(asked: Asked, path: str = path, body: Any = body) -> Answer:
                return whole(body) if asked.path == path else whole(PAGE)

            switch.say(answer)
            found = [each["id"] for each in await discovered(process, baseUrl=server.url)]
            assert found == ids if name != "very many" else len(found) == 10_000, name


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (whole(PAGE), "web page"),
        (whole({"error": {"message": "Invalid API key"}}), "Invalid API key"),
        (whole({"code": 401, "msg": "token is expired"}), "token is expired"),
        (whole({"error": {"message": "Invalid key"}}, 401), "Invalid key"),
        (whole({"data": [{"id": "a"}], "has_more": True, "last_id": "a"}), "no end"),
        (MISSING, "no list of models"),
    ],
)
async def test_a_list_that_is_none_is_told_in_the_servers_words(
    answer: Answer, words: str, tmp_path: Path
) -> None:
    async with serving(answer) as server, sidecar(tmp_path) as process:
        with pytest.raises(RpcError, match=words):
            await discovered(process, baseUrl=server.url)


async def test_a_model_of_any_name_is_saved_asked_and_deleted(tmp_path: Path) -> None:
    async with serving(GOOD) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for name in ODD_IDS:
            await process.call("models:save", {"provider": "lab", "id": name})
            await ask(process, model=f"lab/{name}")
            assert server.asked[-1].json["model"] == name
            await process.call("models:delete", {"provider": "lab", "id": name})
            listing = await process.call("models:get-all")
            assert name not in [model["id"] for model in listing if model["provider"] == "lab"]


async def test_a_page_at_one_place_is_no_answer_and_the_other_place_is_asked(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        return GOOD if asked.path == "/chat/completions" else whole(PAGE)

    async with (
        serving(answer) as server,
        sidecar(tmp_path, models=own_models(server.url, path="")) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"
