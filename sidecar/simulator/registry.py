"""Who is simulated: a vendor for each row of schemas/providers.json, found by its name, and a server like them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from urllib.parse import urlsplit

from sidecar.contract.providers import PROVIDERS
from sidecar.provider_facts import ProviderFacts
from sidecar.simulator.compatible.routes import CompatibleVendor
from sidecar.simulator.vendor import SimulatedVendor

COMPATIBLE = CompatibleVendor()


def all_vendors() -> tuple[SimulatedVendor, ...]:
    """Every vendor there is, the one last that stands for a server of the person's own."""
    return (*(vendor for _, vendor in _built_in()), COMPATIBLE)


def prefixes() -> dict[str | None, str]:
    """The vendors share paths and differ by host; where each host lies on the simulator."""
    return {urlsplit(facts.base_url).hostname: vendor.prefix for facts, vendor in _built_in()}


def environment(address: str) -> dict[str, str]:
    """The variables that point every vendor's client at the simulator, each as that client takes its base URL."""
    urls = {
        facts.base_url_variable: f"{address}{vendor.prefix}{urlsplit(facts.base_url).path}"
        for facts, vendor in _built_in()
    }
    return urls | {facts.key_variables[0]: facts.simulated_key for facts in PROVIDERS}


def _built_in() -> Iterator[tuple[ProviderFacts, SimulatedVendor]]:
    for facts in PROVIDERS:
        yield facts, import_module(f"sidecar.simulator.{facts.name}.routes").make()
