"""Everybody who goes through the list."""

from __future__ import annotations

from tests.providers.conformance.anthropic import AnthropicMessages
from tests.providers.conformance.anthropic_batches import AnthropicBatches
from tests.providers.conformance.batch_vendor import BatchVendor
from tests.providers.conformance.compatible import CompatibleServer
from tests.providers.conformance.gemini import GeminiContent
from tests.providers.conformance.gemini_batches import GeminiBatches
from tests.providers.conformance.grok import GrokChat, GrokResponses
from tests.providers.conformance.grok_batches import GrokBatches
from tests.providers.conformance.openai_batches import OpenAIBatches
from tests.providers.conformance.openai_chat import OpenAIChat
from tests.providers.conformance.openai_responses import OpenAIResponses
from tests.providers.conformance.vendor import Vendor

VENDORS: tuple[Vendor, ...] = (
    OpenAIChat(),
    OpenAIResponses(),
    AnthropicMessages(),
    GeminiContent(),
    GrokChat(),
    GrokResponses(),
    CompatibleServer(),
)
BATCHES: tuple[BatchVendor, ...] = (
    OpenAIBatches(),
    AnthropicBatches(),
    GeminiBatches(),
    GrokBatches(),
)
EVERYBODY: tuple[Vendor | BatchVendor, ...] = (*VENDORS, *BATCHES)
