from __future__ import annotations

import subprocess
import sys

import pytest

from sidecar.errors import Failure
from sidecar.providers.by_name import Providers
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.guarded import GuardedBatches, GuardedProvider
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.registry import BUILT_IN, ProviderRow, Registry, overlay_row
from tests.helpers.openai_models import ask
from tests.helpers.scripted import Reply, scripted_edge


def test_the_four_vendors_have_their_variables() -> None:
    rows = {row.name: row for row in BUILT_IN}
    assert {name: (row.key_variables, row.base_url_variable) for name, row in rows.items()} == {
        "openai": (("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
        "anthropic": (("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
        "gemini": (("GEMINI_API_KEY", "GOOGLE_API_KEY"), "GEMINI_BASE_URL"),
        "grok": (("XAI_API_KEY",), "XAI_BASE_URL"),
    }


def test_a_provider_is_made_once() -> None:
    edge, _, _ = scripted_edge()
    registry: Providers = Registry(edge, {})
    assert registry.get("openai") is registry.get("openai")
    assert registry.get("openai").name == "openai"
    assert registry.needs_key("openai")


async def test_a_model_s_own_address_wins_over_all_others_of_its_provider() -> None:
    said = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    http, transport, _ = scripted_edge(Reply(chunks=[said]), Reply(chunks=[said]))
    registry = Registry(http, {"OPENAI_BASE_URL": "https://proxy.example/v1"})
    for base_url in ("https://mine.example/v1", None):
        vendor = registry.get("openai", base_url)
        assert registry.get("openai", base_url) is vendor
        async for _ in vendor.stream(vendor.plan(ask("gpt-4o")), "sk-test"):
            pass

    assert [asked.url for asked in transport.asked] == [
        "https://mine.example/v1/chat/completions",
        "https://proxy.example/v1/chat/completions",
    ]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
        ("eu.api.openai.com/", "https://eu.api.openai.com/v1/chat/completions"),
        ("https://gateway.example", "https://gateway.example/chat/completions"),
    ],
)
async def test_a_vendor_s_own_host_needs_no_path(written: str, asked: str) -> None:
    http, transport, _ = scripted_edge(Reply(400))
    registry = Registry(http, {"OPENAI_BASE_URL": written})
    assert registry.asks_vendor("openai") is ("gateway" not in written)
    vendor = registry.get("openai")
    with pytest.raises(Failure):
        async for _ in vendor.stream(vendor.plan(ask("gpt-4o")), "sk-test"):
            pass
    assert [each.url for each in transport.asked] == [asked]


def test_a_vendor_without_a_class_is_not_served_yet() -> None:
    edge, _, _ = scripted_edge()
    with pytest.raises(Failure) as raised:
        Registry(edge, {}, [ProviderRow("later", "Later", None, "https://later.example/v1")]).get("later")
    assert raised.value.kind == "unsupported"
    assert "not served yet" in raised.value.message


def test_an_unknown_provider_names_the_known_ones() -> None:
    edge, _, _ = scripted_edge()
    with pytest.raises(Failure) as raised:
        Registry(edge, {}).get("nobody")
    assert raised.value.kind == "not_found"
    assert "openai" in raised.value.message


@pytest.mark.parametrize(
    ("environment", "own", "url"),
    [
        ({}, None, "https://api.openai.com/v1"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, None, "http://127.0.0.1:9/v1"),
        ({"OPENAI_BASE_URL": "  "}, None, "https://api.openai.com/v1"),
        ({}, "https://proxy.example/v1", "https://proxy.example/v1"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "https://proxy.example/v1", "http://127.0.0.1:9/v1"),
    ],
)
def test_the_environment_says_where_calls_go(environment: dict[str, str], own: str | None, url: str) -> None:
    edge, _, _ = scripted_edge()
    overlay = [overlay_row("openai", own)] if own else []
    assert Registry(edge, environment, overlay).base_url("openai") == url


async def test_a_server_of_the_users_own_is_a_row_and_nothing_more() -> None:
    edge, transport, _ = scripted_edge(Reply(chunks=[b"data: [DONE]\n\n"]))
    registry = Registry(edge, {}, [overlay_row("my-llama", "http://localhost:8080/v1", key_required=False)])
    made = registry.get("my-llama")
    assert isinstance(made, GuardedProvider)
    assert isinstance(made.inner, Compatible)
    assert [event async for event in made.stream(made.plan(ask("plain-text")), "")]
    assert transport.asked[0].url == "http://localhost:8080/v1/chat/completions"
    assert "authorization" not in transport.asked[0].headers
    assert not registry.needs_key("my-llama")
    assert registry.row("my-llama").key_variables == ("MY_LLAMA_API_KEY",)


def test_the_variable_that_holds_a_key_can_be_named() -> None:
    assert overlay_row("lab", "http://lab/v1", key_name="LAB_KEY").key_variables == ("LAB_KEY",)
    assert overlay_row("grok", "http://lab/v1", key_name="LAB_KEY").key_variables == ("LAB_KEY",)
    assert overlay_row("grok", "http://lab/v1").key_variables == ("XAI_API_KEY",)


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; import sidecar.providers.registry, sidecar.simulator.transport;"
        "import sidecar.providers.openai, sidecar.providers.grok, sidecar.providers.compatible;"
        "print(sorted({'httpx', 'aiohttp', 'jsonschema', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_vendors_batches_are_made_once_and_go_where_its_chats_go() -> None:
    edge, _, _ = scripted_edge()
    registry = Registry(edge, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    batches = registry.batch("openai")
    assert isinstance(batches, GuardedBatches)
    assert isinstance(batches.inner, OpenAIBatch)
    assert registry.batch("openai") is batches
    assert batches.name == "openai"


def test_a_provider_without_batches_says_who_has_them() -> None:
    edge, _, _ = scripted_edge()
    registry = Registry(edge, {}, [overlay_row("my-llama", "http://localhost:8080/v1")])
    with pytest.raises(Failure) as raised:
        registry.batch("my-llama")
    assert raised.value.kind == "unsupported"
    assert "OpenAI" in raised.value.message
    with pytest.raises(Failure) as raised:
        registry.batch("nobody")
    assert raised.value.kind == "not_found"


def test_every_vendor_that_has_batches_makes_them() -> None:
    edge, _, _ = scripted_edge()
    registry = Registry(edge, {})
    with_batches = [row.name for row in registry.rows() if row.batch_maker is not None]
    assert {"openai", "anthropic"} <= set(with_batches)
    assert [registry.batch(name).name for name in with_batches] == with_batches
