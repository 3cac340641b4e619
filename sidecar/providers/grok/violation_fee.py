"""What xAI charges for a request that it blocks before it is run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal

from sidecar.errors import Failure
from sidecar.providers.base import Event, Usage, UsageSoFar

# A request that violates the usage guidelines, say xAI's pricing pages; only the Responses API charges it.
VIOLATION_FEE_USD = Decimal("0.05")


async def with_violation_fee(answer: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Yield the events of an answer of the Responses API, and the fee before a refusal that has one is raised."""
    try:
        async with aclosing(answer) as events:
            async for event in events:
                yield event
    except Failure as failure:
        if failure.kind == "content_filtered" and failure.status == 403:
            yield UsageSoFar(Usage(charged_usd=VIOLATION_FEE_USD), final=True)
        raise
