"""The worked examples of docs/money.md are what this computes from the usages that stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sidecar.money import pricing
from sidecar.providers.anthropic.usage import message_usage
from sidecar.providers.base import Usage
from sidecar.providers.compatible.usage import compatible_usage
from sidecar.providers.gemini.usage import part_usage
from sidecar.providers.grok import usage as grok
from sidecar.providers.openai_family import usage as openai
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.models import catalogue

DAY = date(2026, 11, 26)
PAGE = (REPOSITORY / "docs" / "money.md").read_text("utf-8")
EXAMPLES = re.findall(r"^### ([^\n]+)\n.*?^```json\n(.*?)^```\n\n(\|.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)


def counted(example: Mapping[str, Any]) -> Usage | None:
    usage, tier = example["usage"], example.get("service_tier")
    match str(example["model"]).partition("/")[0]:
        case "openai":
            return openai.chat_usage(usage, tier)
        case "anthropic":
            return message_usage(usage)
        case "gemini":
            return part_usage(usage, example["searches"])
        case "grok":
            return grok.chat_usage(usage, tier)
    return compatible_usage(usage)


def priced(example: Mapping[str, Any]) -> pricing.Cost:
    usage, provider = counted(example), str(example["model"]).partition("/")[0]
    assert usage is not None
    known = provider in ("openai", "anthropic", "gemini", "grok")
    entry = catalogue().price_entry(catalogue().resolve(example["model"]).model, DAY) if known else None
    cost = pricing.cost(usage, entry)
    assert isinstance(cost, pricing.Cost), cost
    return cost


def table(cost: pricing.Cost) -> str:
    """The lines of a bill as the page shows them."""
    lines = ["| unit | quantity | dollars a million | dollars |", "| --- | ---: | ---: | ---: |"]
    for part in cost.parts:
        rate = "" if part.rate_per_million_usd is None else plain(part.rate_per_million_usd)
        lines.append(f"| {part.unit} | {part.quantity:,} | {rate} | {plain(part.usd)} |")
    return "\n".join([*lines, f"| **together** | | | **{plain(cost.total_usd)}** |"])


def plain(usd: Decimal) -> str:
    text = format(usd, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@pytest.mark.parametrize(("title", "example", "shown"), EXAMPLES, ids=[each[0] for each in EXAMPLES])
def test_a_worked_example_is_what_is_computed(title: str, example: str, shown: str) -> None:
    assert table(priced(json.loads(example))) == shown


def test_each_vendor_has_one() -> None:
    models = {json.loads(example)["model"].partition("/")[0] for _, example, _ in EXAMPLES}
    assert models >= {"openai", "anthropic", "gemini", "grok", "lab"}
