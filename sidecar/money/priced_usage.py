"""What a vendor's tokens cost by our price list, where it tells no charges: to compare by, and no bill (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sidecar.money import pricing
from sidecar.money.bill_file import Bill
from sidecar.money.bill_models import BilledModels
from sidecar.money.bill_units import BATCH, STANDARD, our_unit
from sidecar.money.catalogue import Catalogue
from sidecar.money.usage_file import UsageLine
from sidecar.providers.bills import BilledLine


def priced(catalogue: Catalogue, provider: str, used: Iterable[UsageLine]) -> Bill:
    """Return the tokens as lines of a bill, each at the rate of its day for prompts that are not long.

    A sum of tokens does not say how long each prompt was. What has no price is in no line.
    """
    models, lines, unpriced = BilledModels(catalogue, provider), list[BilledLine](), dict[str, int]()
    for each in used:
        model = catalogue.reported(provider, models.full_id(each.model).partition("/")[2])
        price = catalogue.price_entry(model, each.day) if model else None
        plain = None if price is None else replace(price, tiers=())
        cost = pricing.cost(each.usage, plain, batch=each.batch)
        if isinstance(cost, pricing.Unpriced):
            tokens = each.usage.prompt_total + each.usage.out_total
            unpriced[each.model] = unpriced.get(each.model, 0) + tokens
            continue
        tier = BATCH if each.batch else each.usage.service_tier or STANDARD
        for part in cost.parts:
            # What a search bills of a prompt that no usage shows is counted by nobody.
            counted = 0 if part.unit == "search_block" else part.quantity
            line = BilledLine(
                each.day, each.model, our_unit(part.unit), part.usd, tier=tier, quantity=counted
            )
            lines.append(line)
    return Bill(tuple(lines), priced=True, unpriced=tuple(unpriced.items()))
