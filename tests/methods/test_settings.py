"""Settings: bare values, ranges, bursts, and that they are there after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from sidecar.contract.settings import DEFAULTS
from sidecar.settings import Settings
from sidecar.store.store import Store
from tests.helpers.inside import Inside, inside


async def load(app: Inside, key: str | None = None) -> Any:
    return (await app.ask("settings:load", {"key": key} if key else {}))["result"]


async def test_every_setting_has_the_default_of_the_contract(app: Inside) -> None:
    assert await load(app) == {
        "maxOutputTokens": 8192,
        "enableWebSearch": False,
        "maxWebSearchUses": 5,
        "enableExtendedThinking": False,
        "enablePromptCaching": False,
        "promptCacheTTL": "5m",
        "enableStreaming": False,
        "jsonMode": True,
        "reasoningEffort": "high",
        "monthlyBudgetUSD": None,
        "freeSearches": False,
        "concurrency": {},
        "retryBrokenAnswers": 2,
        "proxy": None,
        "caFile": None,
    }


async def test_an_unknown_key_gives_all_settings(app: Inside) -> None:
    assert await load(app, "whatever") == await load(app)


async def test_zero_stays_zero_and_is_there_after_a_restart(tmp_path: Path) -> None:
    async with inside(tmp_path) as app:
        await app.ask("settings:save", {"key": "maxOutputTokens", "value": 0})
        await app.ask("settings:save", {"key": "monthlyBudgetUSD", "value": 12.5})
    async with inside(tmp_path) as app:
        assert await load(app, "maxOutputTokens") == 0
        assert await load(app, "monthlyBudgetUSD") == 12.5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maxOutputTokens", -1),
        ("maxOutputTokens", "8192"),
        ("maxOutputTokens", True),
        ("maxOutputTokens", 1.5),
        ("enableWebSearch", 1),
        ("enableWebSearch", "true"),
        ("promptCacheTTL", "2h"),
        ("reasoningEffort", "huge"),
        ("monthlyBudgetUSD", -0.01),
        ("concurrency", {"openai": 0}),
        ("noSuchSetting", 1),
    ],
)
async def test_a_wrong_value_is_refused_and_changes_nothing(app: Inside, key: str, value: Any) -> None:
    before = await load(app)
    answer = await app.ask("settings:save", {"key": key, "value": value})
    assert answer["error"]["code"] == -32602
    assert answer["error"]["data"]["issues"]
    assert await load(app) == before


async def test_a_burst_of_saves_keeps_them_all_and_the_last_of_each(app: Inside) -> None:
    saves = [("maxOutputTokens", n) for n in range(20)] + [
        ("enableWebSearch", True),
        ("promptCacheTTL", "1h"),
    ]
    for number, (key, value) in enumerate(saves):
        params = {"key": key, "value": value}
        app.send({"jsonrpc": "2.0", "id": f"s{number}", "method": "settings:save", "params": params})
    async with asyncio.timeout(60):
        for _ in saves:
            assert (await app.next_message())["result"] is None
    settings = await load(app)
    assert (settings["maxOutputTokens"], settings["enableWebSearch"], settings["promptCacheTTL"]) == (
        19,
        True,
        "1h",
    )


async def test_keys_are_configured_per_vendor_and_never_shown_whole(app: Inside) -> None:
    secret = "sk-verysecretverysecret-9876"
    assert (await app.ask("settings:save", {"key": "apiKey", "provider": "openai", "value": secret}))[
        "result"
    ] is None
    shown = (await app.ask("settings:load", {"key": "apiKey", "provider": "openai"}))["result"]
    assert shown == "sk-…9876"
    await app.ask("settings:save", {"key": "apiKey", "provider": "grok", "value": ""})
    assert await load(app, "allKeys") == {
        "openai": {"configured": True},
        "anthropic": {"configured": True},
        "gemini": {"configured": True},
        "grok": {"configured": False},
    }


@pytest.mark.parametrize("params", [{"key": "apiKey"}, {"key": "apiKey", "provider": "nobody"}])
async def test_a_key_of_nobody_is_refused(app: Inside, params: dict[str, str]) -> None:
    answer = await app.ask("settings:load", params)
    assert answer["error"]["code"] == -32602
    assert "openai" in answer["error"]["message"]


async def test_of_saves_before_anything_was_read_the_last_one_is_in_force() -> None:
    """Whichever reading ends last: each save was thought to need what had been saved before."""
    reading: list[asyncio.Event] = []

    class SlowStore:
        async def write(self, *_: Any) -> None: ...

        async def read(self, *_: Any) -> dict[str, str]:
            reading.append(asyncio.Event())
            await reading[-1].wait()
            return {"maxOutputTokens": "1"}

    settings = Settings(cast(Store, SlowStore()), DEFAULTS, lambda: 0)
    load = asyncio.ensure_future(settings.effective())
    saves = [asyncio.ensure_future(settings.save("maxOutputTokens", value)) for value in (2, 3, 4)]
    for _ in range(20):
        await asyncio.sleep(0)
    for waiting in reversed(reading):
        waiting.set()
        for _ in range(20):
            await asyncio.sleep(0)
    await asyncio.gather(load, *saves)
    assert (await settings.effective())["maxOutputTokens"] == 4
