"""What Anthropic's refusals mean, as the contract's kinds and in sentences for a person (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sidecar.errors import Failure
from sidecar.providers.kernel.errors import Words, may_retry, read_words, request_id, retry_after_ms, words_of
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.redact import redact

TITLE = "Anthropic"
PROVIDER = "anthropic"

_SPENT_CODE = re.compile(r"spend_limit_reached|billing_unavailable|credit_balance")
_SPENT = re.compile(r"credit balance is too low|usage limits?\b.*\bregain access|spend(ing)? limit", re.I)
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?context (limit|window)", re.I)
_BLOCKED = re.compile(r"blocked by (our )?content filter", re.I)

# The errors of a running stream carry no status; each type stands for the one it would have had.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model was asked. `key` is only there to be taken out of the vendor's words."""

    model: str | None
    key: str


def refusal(status: int, headers: Mapping[str, str], body: bytes, asked: Asked, now_ms: int) -> Failure:
    """The Failure for an answer that is not 2xx."""
    hint_ms = retry_after_ms(headers, now_ms)
    words, code = read_words(body), _code_in(body)
    return _failure(
        status,
        words,
        code,
        asked,
        retryable=may_retry(status, headers),
        hint_ms=_until_reset_ms(headers, now_ms) if hint_ms is None and status == 429 else hint_ms,
        id_=request_id(headers),
    )


def stream_error(value: Mapping[str, Any], asked: Asked, *, produced: bool) -> Failure:
    """The Failure for an `error` event. What was `produced` before it is billed."""
    words = words_of(value)
    status = _STATUS_OF.get(words.type, 500)
    failure = _failure(status, words, _code_of(value), asked, retryable=may_retry(status, {}), streamed=True)
    if not produced:
        return failure
    return OutcomeUnknown(
        failure.kind,
        failure.message,
        provider=failure.provider,
        model=failure.model,
        detail=failure.detail,
    )


def cut_off(asked: Asked) -> Failure:
    return OutcomeUnknown(
        "provider_unavailable",
        f"The {TITLE} API ended its answer before it was complete. It may have charged for it; try again.",
        provider=PROVIDER,
        model=asked.model,
    )


def unreadable(asked: Asked) -> Failure:
    return OutcomeUnknown(
        "provider_unavailable",
        f"The {TITLE} API sent something that cannot be read. It may have charged for the request; try again.",
        provider=PROVIDER,
        model=asked.model,
    )


def declined(details: Mapping[str, Any], asked: Asked) -> Failure:
    """The model's own no. `details` are the message's `stop_details`, which may say why."""
    words = [details.get("category"), details.get("explanation")]
    said = ": ".join(word for word in words if isinstance(word, str) and word)
    return Failure(
        "content_filtered",
        f"{asked.model or 'The model'} declined to answer. Rephrase the request.",
        provider=PROVIDER,
        model=asked.model,
        detail=redact(said, asked.key) or None,
    )


def _failure(
    status: int,
    words: Words,
    code: str,
    asked: Asked,
    *,
    retryable: bool,
    hint_ms: int | None = None,
    id_: str | None = None,
    streamed: bool = False,
) -> Failure:
    spent = _is_spent(status, words, code)
    kind = "rate_limited" if spent else _kind(status, words)
    said = redact(words.message, asked.key).strip()
    sentence = _spent() if spent else _sentence(kind, status, said, asked, hint_ms, streamed)
    codes = " ".join(part for part in (words.type, code) if part)
    return Failure(
        kind,
        sentence,
        retryable=retryable
        and kind in ("rate_limited", "provider_unavailable", "provider_rejected", "timeout")
        and not spent,
        provider=PROVIDER,
        model=asked.model,
        status=None if streamed else status,
        retry_after_ms=None if spent else hint_ms,
        request_id=id_,
        detail=redact(f"{codes}: {said}" if codes else said, asked.key) or None,
    )


def _kind(status: int, words: Words) -> str:
    """The contract's kind for this status and these words. The words win where the status is vague."""
    if status == 429:
        return "rate_limited"
    if status in (401, 403) or words.type == "authentication_error":
        return "invalid_api_key"
    if status == 413 or (status < 500 and _TOO_LONG.search(words.message)):
        return "context_length_exceeded"
    if status >= 500:
        return "provider_unavailable"
    if status == 408:
        return "timeout"
    return "content_filtered" if _BLOCKED.search(words.message) else "provider_rejected"


def _is_spent(status: int, words: Words, code: str) -> bool:
    if status == 402 or words.type == "billing_error" or _SPENT_CODE.search(code):
        return True
    return status in (400, 403, 429) and _SPENT.search(words.message) is not None


def _code_in(body: bytes) -> str:
    try:
        return _code_of(orjson.loads(body))
    except ValueError:
        return ""


def _code_of(value: Any) -> str:
    """The stable code that some errors carry beside their type, in `error.details.error_code`."""
    for member in ("error", "details"):
        value = value.get(member) if isinstance(value, Mapping) else None
    code = value.get("error_code") if isinstance(value, Mapping) else None
    return code if isinstance(code, str) else ""


def _until_reset_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """The wait until every limit that is used up is filled again, from the headers that tell its moment."""
    waits = []
    for limit in _LIMITS:
        if headers.get(f"anthropic-ratelimit-{limit}-remaining", "").strip() != "0":
            continue
        try:
            moment = datetime.fromisoformat(headers.get(f"anthropic-ratelimit-{limit}-reset", ""))
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        waits.append(max(0, round(moment.timestamp() * 1000) - now_ms))
    return max(waits, default=None)


def _spent() -> str:
    return (
        f"The credit or spending limit of this {TITLE} key is used up. "
        "Add credit or raise the limit, then ask again."
    )


def _sentence(kind: str, status: int, said: str, asked: Asked, hint_ms: int | None, streamed: bool) -> str:
    shown = "" if streamed else f" ({status})"
    quoted = f" It says: {said}{'' if said[-1] in '.!?' else '.'}" if said else ""
    model = asked.model or "the model"
    if kind == "invalid_api_key":
        return f"{TITLE} refused the API key. Check it in the settings.{quoted}"
    if kind == "rate_limited":
        wait = "Try again later." if hint_ms is None else f"Try again in {max(1, round(hint_ms / 1000))} s."
        return f"{TITLE} is limiting how fast this key may ask. {wait}"
    if kind == "context_length_exceeded":
        return f"The conversation is longer than {model} can read. Shorten it, or choose a model with a larger context."
    if kind == "content_filtered":
        return f"{TITLE} blocked this request by its content rules. Rephrase it.{quoted}"
    if kind == "provider_unavailable":
        return f"The {TITLE} API is not available at the moment{shown}. Try again later.{quoted}"
    if kind == "timeout":
        return f"The {TITLE} API did not answer in time. Try again.{quoted}"
    if 300 <= status < 400:
        return f"The {TITLE} API answered with a redirect{shown}. Check the base URL."
    if status == 404:
        return f"The {TITLE} API has no model {model} for this key. Choose another model.{quoted}"
    return f"The {TITLE} API rejected the request{shown}.{quoted or ' Change it and try again.'}"
