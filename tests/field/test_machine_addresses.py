"""Base URLs and API keys as people paste them, beside the real process."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, claude_events, serving, stream, whole
from tests.field.lab import KEY, VENDORS, ask, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


@field("machine", "`http://ada:pa55@host/v1`")
async def test_a_login_in_the_base_url_becomes_a_header(tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        models = own_models(server.url.replace("http://", "http://ada:pa55%40@"))
        async with sidecar(tmp_path, models=models) as process:
            assert (await ask(process))["answer"] == "Good morning"
    assert server.asked[0].target == "/v1/chat/completions"
    assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"ada:pa55@").decode()


async def test_a_login_in_a_vendor_s_base_url_goes_beside_the_key(tmp_path: Path) -> None:
    async with serving(stream(*claude_events("Good morning"))) as server:
        environment = vendor_environment(server.url.replace("http://", "http://ada:pa55@"), "anthropic")
        async with sidecar(tmp_path, environment=environment) as process:
            assert (await ask(process, model="anthropic/claude-sonnet-5"))["answer"] == "Good morning"
    assert server.asked[0].headers["x-api-key"] == KEY
    assert server.asked[0].headers["authorization"].startswith("Basic ")


@field("machine", "`…/openai/deployments/gpt-4o?api-version=2024-10-21`")
async def test_a_query_stays_at_the_end_of_the_path(tmp_path: Path) -> None:
    path = "/openai/deployments/gpt-4o?api-version=2024-10-21"
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url, path=path)) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"
    assert server.asked[0].target == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"


NONE = (
    ("http://127.0.0.1:8000/v1#top", "#"),
    ("http://ada:pa55@127.0.0.1:99999/v1", "port"),
    ("http://", "server"),
    ("ftp://127.0.0.1/v1", "http://"),
    ("http://127.0.0.1/v 1", "blanks"),
    ("http://lab:0/v1", "port"),
    ("http://lab..example/v1", "hyphens"),
    ("http://lab\u2010one/v1", "hyphens"),
    ("http://xn--/v1", "hyphens"),
    (f"http://{'a' * 70}.example/v1", "hyphens"),
    ("http://127.1/v1", "hyphens"),
    ("lab", "http://"),
    ("http:///v1", "name a server"),
    ("https:////v1/chat/completions", "name a server"),
    ("https://:8080", "name a server"),
    ("http://ada:pa55@:8080/v1", "name a server"),
    ("http://[::1", "square brackets"),
    ("http://::1:8080/v1", "square brackets"),
    ("http://[lab]:8080/v1", "square brackets"),
    ("http://lab:8080:8080/v1", "port"),
    ("http://lab:http/v1", "port"),
    ("http://-/v1", "hyphens"),
    ("http://0x7f.1/v1", "hyphens"),
    ("http://lab.0x10/v1", "hyphens"),
    ("http://{resource}.openai.azure.com/v1", "hyphens"),
    ("http://lab/v1\x01", "blanks"),
)


@field("machine", "`…/v1#top`")
@field("machine", "`http:///v1`, `https://:8080`, `http://[::1`")
async def test_a_base_url_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    models = own_models("http://127.0.0.1:9")
    async with sidecar(tmp_path, models=models) as process:
        for written, told in NONE:
            models["providers"]["lab"]["baseUrl"] = written
            (tmp_path / "models.json").write_text(json.dumps(models), encoding="utf-8")
            error = await refused(process)
            assert "providers.lab.baseUrl" in str(error), written
            assert told in str(error), written
            assert "pa55" not in str(error), written


PASTED = (
    "HTTP://{}/v1",
    " http://{}/v1",
    '"http://{}/v1"',
    "http://{}",
    "http://{}//v1/",
    "http://{}/v1/chat/completions",
    "http://{}/V1/Chat/Completions/",
    "http://{}/v1/responses",
    "http://{}/v1/models",
    "http://{}/api/chat",
    "http://{}/api/tags",
    "{}",
    "{}/v1",
    "http:{}/v1",
    "http:\\\\{}/v1",
    "http://http://{}/v1",
    "OPENAI_BASE_URL=http://{}/v1",
    "<http://{}/v1>,",
    "http://{}/v1\u200b",
    "http:///{}/v1",
    "http://http//{}/v1",
    "http//{}/v1",
    "[my server](http://{}/v1)",
)


@field("machine", "`HTTP://…`, a blank before the address")
@field("machine", "Stay as they are: no version, a doubled slash, the whole endpoint")
async def test_an_address_is_understood_however_it_was_pasted(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        known = asked.target in ("/v1/chat/completions", "/V1/chat/completions", "//v1/chat/completions")
        return GOOD if known else whole("<!doctype html><p>Not here", 404)

    async with serving(answer) as server:
        models = own_models(server.url)
        (model,) = models["models"]
        for place, written in enumerate(PASTED):
            address = written.format(f"127.0.0.1:{server.port}")
            models["providers"][f"lab{place}"] = {"baseUrl": address, "keyRequired": False}
            models["models"].append({**model, "provider": f"lab{place}"})
        async with sidecar(tmp_path, models=models) as process:
            for place, written in enumerate(PASTED):
                found = await ask(process, model=f"lab{place}/m")
                assert found["answer"] == "Good morning", written


@field("machine", "`http://0.0.0.0:8080/v1`, as a server says")
async def test_a_server_that_listens_everywhere_is_asked_on_this_machine(tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        models = own_models(server.url.replace("127.0.0.1", "0.0.0.0"))
        # Nothing but this machine itself is asked without the proxy.
        environment = {"HTTP_PROXY": "http://127.0.0.1:9"}
        async with sidecar(tmp_path, models=models, environment=environment) as process:
            assert (await ask(process))["answer"] == "Good morning"


@field("machine", "`OPENAI_BASE_URL` with quotes around it")
@pytest.mark.parametrize("written", ['"{}/v1"', "'{}/v1'", " {}/v1 "])
async def test_a_base_url_in_the_environment_may_have_quotes(written: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        environment = {"OPENAI_BASE_URL": written.format(server.url), "OPENAI_API_KEY": KEY}
        async with sidecar(tmp_path, environment=environment) as process:
            assert (await ask(process, model="openai/gpt-6-sol"))["answer"] == "Good morning"


@field("machine", "the whole endpoint in a vendor's variable")
async def test_a_vendor_s_base_url_may_be_the_whole_endpoint(tmp_path: Path) -> None:
    whole_places = {
        "openai": "/v1/chat/completions",
        "anthropic": "/v1/messages",
        "gemini": "/v1beta/models/gemini-4-carbon:generateContent",
        "grok": "/v1/responses",
    }
    refusal = whole({"error": {"message": "Seen"}}, 400)
    async with serving(refusal) as server:
        environment = vendor_environment(server.url, *whole_places)
        for vendor, place in whole_places.items():
            environment[VENDORS[vendor][1]] = server.url + place
        async with sidecar(tmp_path, environment=environment) as process:
            for model in (
                "openai/gpt-6-sol",
                "anthropic/claude-sonnet-5",
                "gemini/gemini-4-carbon",
                "grok/grok-4.5",
            ):
                assert "Seen" in (await refused(process, model=model)).message
    assert {asked.path for asked in server.asked} == {
        "/v1/chat/completions",
        "/v1/messages",
        "/v1beta/models/gemini-4-carbon:streamGenerateContent",
    }


@field("trust", "`settings:validate-key` with a login in `OPENAI_BASE_URL`")
@field("trust", "`http://ada:PASSWORD@127.0.0.1:99999/v1` as a base URL")
async def test_a_login_in_a_base_url_of_the_environment_is_in_no_error(tmp_path: Path) -> None:
    environment = {"OPENAI_BASE_URL": "http://ada:PASSWORD@127.0.0.1:99999/v1", "OPENAI_API_KEY": KEY}
    async with sidecar(tmp_path / "a", environment=environment) as process:
        error = await refused(process, model="openai/gpt-6-sol")
        assert "OPENAI_BASE_URL" in error.message
        assert "PASSWORD" not in f"{error.message} {error.data}"
        with pytest.raises(RpcError) as caught:
            await process.call("settings:validate-key", {"provider": "openai"})
        assert caught.value.data["kind"] != "internal_error"
        assert "PASSWORD" not in str(caught.value)
    async with serving(whole({"object": "list", "data": [{"id": "gpt-6-sol"}]})) as server:
        environment["OPENAI_BASE_URL"] = server.url.replace("http://", "http://ada:PASSWORD@") + "/v1"
        async with sidecar(tmp_path / "b", environment=environment) as process:
            assert await process.call("settings:validate-key", {"provider": "openai"}) == {"valid": True}


async def test_a_key_does_not_travel_in_the_open_unless_its_owner_says_so(tmp_path: Path) -> None:
    models = own_models("http://models.example.org:8000", keyName="LAB_KEY")
    environment = {"LAB_KEY": KEY, "HTTP_PROXY": "http://127.0.0.1:9"}
    async with sidecar(tmp_path / "a", models=models, environment=environment) as process:
        error = await refused(process)
    assert "allowHttp" in error.message
    assert "Nothing was sent" in error.message
    models["providers"]["lab"]["allowHttp"] = True
    async with sidecar(tmp_path / "b", models=models, environment=environment) as process:
        assert "127.0.0.1:9" in (await refused(process)).message


@field("machine", 'saved as `"sk-…"`, `OPENAI_API_KEY=sk-…`, `sk-…;`')
@field("machine", "Stay as they are: a newline or an unbreakable blank around a key")
async def test_a_key_goes_out_alone_however_it_was_saved(tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        environment = {"OPENAI_BASE_URL": server.url + "/v1"}
        async with sidecar(tmp_path, environment=environment) as process:
            for saved in ('"{}"', "OPENAI_API_KEY={}", "{};", "{}\n", "\u00a0{}", "{}.", "%22{}%22"):
                value = {"key": "apiKey", "provider": "openai", "value": saved.format(KEY)}
                await process.call("settings:save", value)
                await ask(process, model="openai/gpt-6-sol")
                assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}", saved


@field("machine", "`OPENAI_API_KEY` in the environment with quotes")
@pytest.mark.parametrize("written", ['"{}"', "{} # mine", "'{}'", "OPENAI_API_KEY={}"])
async def test_a_key_of_the_environment_goes_out_alone(written: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        environment = vendor_environment(server.url, "openai", key=written.format(KEY))
        async with sidecar(tmp_path, environment=environment) as process:
            await ask(process, model="openai/gpt-6-sol")
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_key_of_another_vendor_is_sent_to_nobody(tmp_path: Path) -> None:
    others = {"openai": "AIzaSyD-0123456789abcdefghijkl", "gemini": f"sk-proj-{KEY}", "grok": f"sk-ant-{KEY}"}
    environment = {"ANTHROPIC_API_KEY": f"gsk_{KEY}", "HTTPS_PROXY": "http://127.0.0.1:9"}
    async with sidecar(tmp_path, environment=environment) as process:
        for provider, key in others.items():
            with pytest.raises(RpcError) as caught:
                await process.call("settings:save", {"key": "apiKey", "provider": provider, "value": key})
            assert "is a key of" in caught.value.message
            assert key not in str(caught.value)
            assert await process.call("settings:load", {"key": "apiKey", "provider": provider}) is None
        error = await refused(process, model="anthropic/claude-sonnet-5")
    assert error.data["kind"] == "invalid_api_key"
    assert "ANTHROPIC_API_KEY" in error.message
    assert "Groq" in error.message


async def test_a_gateway_in_a_vendor_s_place_takes_whatever_key_it_gave(tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        environment = {"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": f"sk-or-v1-{KEY}"}
        async with sidecar(tmp_path, environment=environment) as process:
            assert (await ask(process, model="openai/gpt-6-sol"))["answer"] == "Good morning"
