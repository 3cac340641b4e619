"""Whether a key is taken: a refusal is an answer, trouble on the way is an error."""

from __future__ import annotations

from copy import copy
from typing import Any

import httpx
import pytest

from sidecar.container import Container
from sidecar.contract.types import settings as types
from sidecar.errors import Failure
from sidecar.key_stores import MemoryKeys
from sidecar.keys import Keys
from sidecar.methods import settings
from sidecar.providers.registry import Registry, overlay_row
from sidecar.rpc.call import Call
from tests.helpers.inside import Inside
from tests.helpers.scripted import Reply, scripted_edge


async def validated(app: Inside, provider: str = "openai") -> Any:
    answer = await app.ask("settings:validate-key", {"provider": provider})
    return answer.get("result", answer.get("error"))


async def save(app: Inside, key: str) -> None:
    await app.ask("settings:save", {"key": "apiKey", "provider": "openai", "value": key})


async def test_a_key_that_the_vendor_takes_is_valid(app: Inside) -> None:
    assert await validated(app) == {"valid": True}


async def test_a_key_that_the_vendor_refuses_is_invalid_and_is_not_shown(app: Inside) -> None:
    await save(app, "sk-invalid-0000-wxyz")
    found = await validated(app)
    assert found["valid"] is False
    assert "refused" in found["reason"]
    assert "wxyz" not in found["reason"]


async def test_a_key_that_is_not_there_is_invalid(app: Inside) -> None:
    await save(app, "")
    found = await validated(app)
    assert found["valid"] is False
    assert "no API key for openai" in found["reason"]


async def test_an_unknown_provider_is_refused(app: Inside) -> None:
    assert (await validated(app, "nobody"))["code"] == -32602


async def test_validating_costs_nothing_and_asks_no_model(app: Inside) -> None:
    await validated(app)
    assert (await app.ask("activity:stats", {}))["result"]["byModel"] == []
    assert app.simulator.ledger.entries == []


def with_parts(app: Inside, providers: Registry, keys: Keys) -> Container:
    services = copy(app.services)
    services.providers, services.keys = providers, keys
    return services


async def validate(app: Inside, key: str, *script: Reply | Exception) -> dict[str, Any]:
    """The method itself, with this key and a network that answers from a script."""
    http, _, _ = scripted_edge(*script, retries=0)
    services = with_parts(app, Registry(http, {}), Keys(MemoryKeys({"openai": key}), {}, {}))
    call = Call(services, "settings:validate-key", lambda value: None, lambda *given, **more: None)
    try:
        return await settings.validate_key(call, types.SettingsValidateKeyParams(provider="openai"))
    finally:
        await http.aclose()


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.ConnectError("refused"), "provider_unavailable"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (Reply(503, chunks=[b"{}"]), "provider_unavailable"),
    ],
    ids=["refused", "slow", "503"],
)
async def test_trouble_on_the_way_says_nothing_of_the_key(
    app: Inside, trouble: Reply | Exception, kind: str
) -> None:
    with pytest.raises(Failure) as caught:
        await validate(app, "sk-test-key-123456", trouble)
    assert caught.value.kind == kind


async def test_what_can_be_no_key_is_invalid_without_asking(app: Inside) -> None:
    assert (await validate(app, "sk-te\u017ft-key"))["valid"] is False


async def test_a_provider_that_needs_no_key_is_asked_without_one(app: Inside) -> None:
    local = overlay_row("openai", "http://127.0.0.1:1/v1", key_required=False)
    http, transport, _ = scripted_edge(Reply(200, chunks=[b'{"data": []}']))
    services = with_parts(app, Registry(http, {}, [local]), Keys(MemoryKeys({}), {}, {}))
    call = Call(services, "settings:validate-key", lambda value: None, lambda *given, **more: None)
    found = await settings.validate_key(call, types.SettingsValidateKeyParams(provider="openai"))
    assert found == {"valid": True}
    assert [asked.url for asked in transport.asked] == ["http://127.0.0.1:1/v1/models"]
    await http.aclose()
