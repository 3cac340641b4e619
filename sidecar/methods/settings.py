"""settings:* — what the person chose, and their API keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sidecar.contract.providers import PROVIDERS
from sidecar.contract.settings import DEFAULTS
from sidecar.errors import Failure
from sidecar.key_names import read_by_admin_key
from sidecar.key_text import mask
from sidecar.methods.services import Request, Services

if TYPE_CHECKING:
    from sidecar.contract.types import settings as types

# What the renderer's key page shows, whatever else the person's own file adds.
SHOWN_PROVIDERS = tuple(facts.name for facts in PROVIDERS if facts.shown_in_settings)


async def load(call: Request, params: types.SettingsLoadParams) -> Any:
    app = call.services
    if params.key == "allKeys":
        states = await asyncio.gather(*(app.keys.state(name) for name in SHOWN_PROVIDERS))
        return {name: _key_state(*state) for name, state in zip(SHOWN_PROVIDERS, states, strict=True)}
    if params.key == "apiKey":
        key = await app.keys.get(_provider(app, params.provider, key=True))
        return mask(key) if key else None
    values = await app.settings.shown()
    return values.get(params.key, values) if params.key else values


async def save(call: Request, params: types.SettingsSaveParams) -> None:
    app = call.services
    if params.key == "apiKey":
        await app.keys.save(_provider(app, params.provider, key=True), _key(params.value))
        return
    if params.key not in app.settings.defaults:
        known = ", ".join(sorted(app.settings.defaults))
        raise _invalid(
            f"There is no setting called {params.key[:80]}. Choose one of {known} and apiKey.", "key"
        )
    await app.settings.save(params.key, _checked(params.key, params.value))


async def validate_key(call: Request, params: types.SettingsValidateKeyParams) -> dict[str, Any]:
    app = call.services
    name = _checkable(app, params.provider)
    provider = app.providers.get(name)

    async def check(key: str) -> None:
        reason = await provider.validate_key(key)
        if reason is not None:
            raise Failure("invalid_api_key", reason, provider=name)

    try:
        if await app.keys.get(name) is None and app.providers.needs_key(name):
            return {
                "valid": False,
                "reason": f"There is no API key for {name} yet. Paste it and save it first.",
            }
        await app.keys.ask(name, check)
    except Failure as failure:
        # What can be no key is refused before it leaves. Any other failure says nothing of the key.
        if failure.kind != "invalid_api_key":
            raise
        return {"valid": False, "reason": failure.message}
    return {"valid": True}


def _key_state(configured: bool, problem: str | None) -> dict[str, Any]:
    return {"configured": configured, **({"problem": problem} if problem else {})}


def _checked(key: str, value: Any) -> Any:
    """The value in the type and range that schemas/settings.json gives the setting."""
    from pydantic import ValidationError

    from sidecar.contract.types import settings as types

    try:
        types.Settings.model_validate({**DEFAULTS, key: value})
    except ValidationError as error:
        raise _invalid(f"{key}: {error.errors()[0]['msg']}. Nothing was changed.", "value") from None
    if key == "proxy" and value:
        _refuse_proxy(value)
    return value


def _refuse_proxy(value: str) -> None:
    """Raise Failure for what is no proxy, and for a login: the database must hold no secret."""
    from sidecar.providers.kernel.proxies import read_proxy

    try:
        proxy = read_proxy(value, "the setting proxy")
    except Failure as failure:
        raise _invalid(failure.message, "value") from None
    if proxy.login or proxy.password:
        raise _invalid(
            "A proxy's login is not kept among the settings. Put the address with the login into HTTPS_PROXY in the "
            "environment, and leave this setting empty.",
            "value",
        )


def _key(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise _invalid("An API key is text. Paste it as the vendor shows it.", "value")


def _provider(app: Services, name: str | None, *, key: bool = False) -> str:
    names = app.providers.names()
    billed = read_by_admin_key(name or "") if key else None
    if name in names or (billed in names and app.providers.tells_costs(str(billed))):
        return str(name)
    raise _invalid(f"Say whose key is meant: provider is one of {', '.join(names)}.", "provider")


def _checkable(app: Services, name: str | None) -> str:
    """The provider whose key can be tried for nothing; a key that only reads charges has no such call."""
    billed = read_by_admin_key(name or "")
    if name not in app.providers.names() and billed in app.providers.names():
        raise _invalid(
            f"The key {name} only reads what was charged, so nothing tries it but cost:reconcile: compare some days of "
            f"{billed} to see whether it is taken.",
            "provider",
        )
    return _provider(app, name)


def _invalid(message: str, path: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": path, "message": message}])
