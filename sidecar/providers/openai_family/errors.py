"""What OpenAI's refusals mean, as the contract's kinds and in sentences for a person (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sidecar.errors import Failure
from sidecar.providers.kernel.errors import Words, may_retry, read_words, request_id, retry_after_ms
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.redact import redact

SPENT = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
    }
)
_BAD_KEY = frozenset({"invalid_api_key", "invalid_authentication", "account_deactivated"})
_BLOCKED = frozenset(
    {"content_filter", "content_policy_violation", "bio_policy", "misalignment_policy_violation"}
)
_TOO_LONG = re.compile(
    r"context[ _](length|window)|maximum context|prompt is too long|input is too long", re.I
)
_POLICY = re.compile(r"usage polic|content polic|content management polic", re.I)

# The errors of a running stream carry no status; each code stands for the one it would have had.
_STATUS_OF = {
    "server_error": 500,
    "internal_error": 500,
    "overloaded_error": 529,
    "server_overloaded": 503,
    "service_unavailable": 503,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "tokens": 429,
    "requests": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "invalid_request_error": 400,
    "timeout": 408,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for what, with which key. `translate` puts a vendor's own codes into OpenAI's."""

    title: str
    provider: str
    model: str | None
    key: str
    translate: Callable[[Words], Words] = lambda words: words


def refusal(status: int, headers: Mapping[str, str], body: bytes, asked: Asked, now_ms: int) -> Failure:
    """The Failure for an answer that is not 2xx."""
    words = asked.translate(read_words(body))
    return _failure(
        status,
        words,
        asked,
        retryable=may_retry(status, headers),
        hint_ms=retry_after_ms(headers, now_ms),
        id_=request_id(headers),
    )


def stream_error(words: Words, asked: Asked, *, produced: bool) -> Failure:
    """The Failure for an error inside a stream. With text already `produced`, nobody knows what is billed."""
    words = asked.translate(words)
    status = _STATUS_OF.get(words.code) or _STATUS_OF.get(words.type) or _status_in(words.code) or 500
    failure = _failure(status, words, asked, retryable=may_retry(status, {}), streamed=True)
    if not produced:
        return failure
    return OutcomeUnknown(
        failure.kind,
        failure.message,
        provider=failure.provider,
        model=failure.model,
        retry_after_ms=failure.retry_after_ms,
        detail=failure.detail,
    )


def _failure(
    status: int,
    words: Words,
    asked: Asked,
    *,
    retryable: bool,
    hint_ms: int | None = None,
    id_: str | None = None,
    streamed: bool = False,
) -> Failure:
    kind = kind_of(status, words)
    said = redact(words.message, asked.key).strip()
    spent = kind == "rate_limited" and (_is_spent(words) or status == 402)
    sentence = _spent(asked) if spent else _sentence(kind, status, said, words.code, asked, hint_ms, streamed)
    codes = " ".join(part for part in (words.type, words.code, words.param) if part)
    return Failure(
        kind,
        sentence,
        retryable=retryable
        and kind in ("rate_limited", "provider_unavailable", "provider_rejected", "timeout")
        and not spent,
        provider=asked.provider,
        model=asked.model,
        status=None if streamed else status,
        retry_after_ms=None if spent else hint_ms,
        request_id=id_,
        detail=redact(f"{codes}: {said}" if codes else said, asked.key) or None,
    )


def kind_of(status: int, words: Words) -> str:
    """The contract's kind for this status and these words. The words win where the status is vague."""
    if _is_spent(words) or status in (402, 429):
        return "rate_limited"
    if words.code in _BAD_KEY or status == 401 or "incorrect api key" in words.message.lower():
        return "invalid_api_key"
    if words.code == "context_length_exceeded":
        return "context_length_exceeded"
    if words.code in _BLOCKED or (words.code == "invalid_prompt" and _POLICY.search(words.message)):
        return "content_filtered"
    if status == 403:
        return "invalid_api_key"
    if status >= 500:
        return "provider_unavailable"
    if status == 408:
        return "timeout"
    if status in (400, 413, 422) and _TOO_LONG.search(words.message):
        return "context_length_exceeded"
    return "provider_rejected"


def _status_in(code: str) -> int | None:
    """Some servers put the status itself where the code stands."""
    return int(code) if code.isascii() and code.isdigit() and 400 <= int(code) < 600 else None


def _is_spent(words: Words) -> bool:
    return words.code in SPENT or words.type in SPENT


def _spent(asked: Asked) -> str:
    return (
        f"The credit or spending limit of this {asked.title} key is used up. "
        "Add credit or raise the limit, then ask again."
    )


def _sentence(
    kind: str, status: int, said: str, code: str, asked: Asked, hint_ms: int | None, streamed: bool
) -> str:
    shown = "" if streamed else f" ({status})"
    quoted = f" It says: {said}{'' if said[-1] in '.!?' else '.'}" if said else ""
    title, model = asked.title, asked.model or "the model"
    if kind == "invalid_api_key":
        return f"{title} refused the API key. Check it in the settings.{quoted}"
    if kind == "rate_limited":
        wait = (
            f"Try again in {max(1, round(hint_ms / 1000))} s." if hint_ms is not None else "Try again later."
        )
        return f"{title} is limiting how fast this key may ask. {wait}"
    if kind == "context_length_exceeded":
        return f"The conversation is longer than {model} can read. Shorten it, or choose a model with a larger context."
    if kind == "content_filtered":
        return f"{title} blocked this request by its content rules. Rephrase it.{quoted}"
    if kind == "provider_unavailable":
        return f"The {title} API is not available at the moment{shown}. Try again later.{quoted}"
    if kind == "timeout":
        return f"The {title} API did not answer in time. Try again.{quoted}"
    if 300 <= status < 400:
        return f"The {title} API answered with a redirect{shown}. Check the base URL."
    if code == "model_not_found":
        return f"The {title} API has no model {model} for this key. Choose another model.{quoted}"
    return f"The {title} API rejected the request{shown}.{quoted or ' Change it and try again.'}"
