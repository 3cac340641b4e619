"""How xAI takes OpenAI's protocol, and what may be asked in its stead (pure)."""

from __future__ import annotations

import hashlib

from sidecar.providers.base import ChatRequest
from sidecar.providers.grok.errors import GROK
from sidecar.providers.openai_family.options import Dialect

DIALECT = Dialect(
    GROK.title,
    developer_role=False,
    temperature_while_reasoning=True,
    # An effort is refused by every model that the vendor does not list one for.
    unlisted_efforts=(),
    loose_schemas=False,
    search_limit_field=None,
    chat_stream_options={"include_usage": True},
    responses_stream_options=None,
)


def cache_place(request: ChatRequest) -> str:
    """A name for the beginning of the prompt: requests that share one find the cache of the first."""
    beginning = [text for text in (request.system, request.developer) if text]
    if not beginning:
        beginning = [request.turns[0].text]
    digest = hashlib.sha256("\x00".join(beginning).encode("utf-8", "replace"))
    return f"abai-{digest.hexdigest()[:32]}"
