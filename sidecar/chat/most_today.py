"""What a question may cost at most by the price of the day that it leaves."""

from __future__ import annotations

from decimal import Decimal

from sidecar.chat.prepare import PreparedRequest
from sidecar.chat.reservation import Reservation, present_texts
from sidecar.money.cost_range import Extras, highest, most_tokens
from sidecar.money.model import PriceEntry
from sidecar.money.tokens import COUNTER, counts_exactly

# Sizes of prompts whose price is remembered.
MOST_SIZES = 10_000


class MostToday:
    """Reckons it row by row, and remembers: rows of a table have few sizes, and pricing one takes the longest.

    `batch`: by the price of a vendor's batch, where there is one.
    """

    def __init__(self, *, batch: bool = False) -> None:
        self._batch = batch
        # By the price's identity, which lasts as long as it is kept here.
        self._known: dict[tuple[int, int, int, Extras], tuple[PriceEntry, Decimal | None]] = {}

    async def of(
        self, prepared: PreparedRequest, price: PriceEntry | None, held_usd: Decimal | None
    ) -> Decimal | None:
        """Return the most in USD where so much is held already, maybe by an older price.

        A price that rose since then raises it; one that fell does not lower it.
        """
        if held_usd is None:
            return Reservation(prepared, price, self._highest).at_most(())
        model = prepared.serving.model.full_id
        tokens = {text: most_tokens(text) for text in present_texts(prepared)}
        if counts_exactly(model):
            tokens = {text: await COUNTER.count(text, model) for text in tokens}
        most = Reservation(prepared, price, self._highest).of((), tokens.__getitem__)
        return held_usd if most is None else max(most, held_usd)

    def _highest(
        self, price: PriceEntry | None, prompt_tokens: int, answer_tokens: int, extras: Extras
    ) -> Decimal | None:
        if price is None:
            return None
        key = id(price), prompt_tokens, answer_tokens, extras
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_SIZES:
                self._known.clear()
            most = highest(price, prompt_tokens, answer_tokens, extras, batch=self._batch)
            if most is None and self._batch:
                most = highest(price, prompt_tokens, answer_tokens, extras)
            known = self._known[key] = price, most
        return known[1]
