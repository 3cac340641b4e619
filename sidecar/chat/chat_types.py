"""What a question is and what its answer is: the values that travel between the methods and the chat service."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sidecar.chat.options import Options
from sidecar.providers.base import Citation, FinishReason, Usage


@dataclass(frozen=True, slots=True)
class ChatInput:
    """One question to one model. Without a conversation it has no history and leaves only its cost behind.

    `turn_id` is set when the turn was opened before, for several models at once; `sent_as` is then the conversation's
    id as it was sent, by which it is stopped too. `replaces` is the answer whose place the new one is to take.
    """

    content: str
    model_id: str
    conversation_id: str | None = None
    turn_id: str | None = None
    sent_as: str | None = None
    replaces: str | None = None
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A whole answer. `cost_usd` is None when no price is known; it is never an estimate.

    `model` is `provider/id` of the row that was asked, `served_model` that of another one that answered,
    `label` what stands above the answer. `json` is set when JSON was asked for.
    """

    id: str
    turn_id: str | None
    text: str
    thinking: str
    citations: tuple[Citation, ...]
    finish_reason: FinishReason
    usage: Usage | None
    cost_usd: Decimal | None
    at_least_usd: Decimal | None
    at_most_usd: Decimal | None
    model: str
    served_model: str | None
    label: str
    timestamp: int
    latency_ms: int
    notes: tuple[str, ...]
    is_json: bool = False
    json: Any = None
