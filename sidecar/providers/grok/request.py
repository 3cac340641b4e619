"""How xAI takes OpenAI's protocol, and what may be asked in its stead (pure)."""

from __future__ import annotations

import hashlib
import re

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest
from sidecar.providers.grok.errors import GROK
from sidecar.providers.openai_family.exchange import Attempt
from sidecar.providers.openai_family.json_by_prompt import schema_in_words
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
_ABOUT_SCHEMA = re.compile(r"schema|response_format|text\.format", re.I)


def cache_place(request: ChatRequest) -> str:
    """A name for the beginning of the prompt: requests that share one find the cache of the first."""
    beginning = [text for text in (request.system, request.developer) if text]
    if not beginning:
        beginning = [request.turns[0].text]
    digest = hashlib.sha256("\x00".join(beginning).encode("utf-8", "replace"))
    return f"abai-{digest.hexdigest()[:32]}"


def without_schema(attempt: Attempt, failure: Failure) -> Attempt | None:
    """What the vendor makes of a keyword that it does not know is not published; words it always takes."""
    if failure.status not in (400, 422) or failure.kind != "provider_rejected":
        return None
    if not _ABOUT_SCHEMA.search(failure.detail or ""):
        return None
    body = schema_in_words(attempt.body)
    return None if body is None else Attempt(attempt.url, body)
