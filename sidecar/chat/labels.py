"""What the person reads around an answer: who answered, what stands for an empty text, what is not known."""

from __future__ import annotations

from sidecar.money.charge import Charge
from sidecar.money.model import Serving
from sidecar.providers.base import FinishReason


def label(serving: Serving, charge: Charge) -> str:
    """The name above the answer. A comparison never hides which model answered."""
    if charge.model is serving.model:
        return serving.label
    answered = charge.model.name if charge.model else charge.served_id.partition("/")[2]
    return f"{answered}, in place of {serving.asked.name}"


def instead_of_text(finish: FinishReason, limit: int | None) -> str:
    """An answer without text is shown as a sentence: the renderer cannot show nothing, and it was paid for."""
    if finish == "length":
        allowance = f"all {limit:,} tokens" if limit else "all its tokens"
        return f"[No text: the model used {allowance} before it wrote any. Raise the maximum answer length.]"
    if finish == "content_filter":
        return "[No text: the provider held this answer back.]"
    return "[The model answered with no text.]"


def cost_notes(charge: Charge) -> tuple[str, ...]:
    if charge.usd is not None:
        return ()
    name = charge.model.name if charge.model else charge.served_id
    most = "" if charge.bounded else " Nor is it known at most: what was held back for it is no bound."
    return (f"The cost of this answer is not known: {charge.unpriced} ({name}).{most}",)
