"""What Google's refusals mean, as the contract's kinds and in sentences for a person (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.errors import Failure
from sidecar.providers.kernel.errors import may_retry, read_words, request_id, retry_after_ms, words_of
from sidecar.providers.kernel.grpc_status import http_status
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.redact import redact

TITLE = "Gemini"

_BAD_KEY = re.compile(r"api[ _]key (not valid|is invalid|expired|not found|was reported)", re.I)
_TOO_LONG = re.compile(
    r"input token count|exceeds the maximum number of (input )?tokens|maximum context|context (length|window)",
    re.I,
)
_DEPLETED = re.compile(r"credits? (is|are|has been|have been) (depleted|used up|exhausted)", re.I)
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_SAID_DELAY = re.compile(r"retry in (\d+(?:\.\d+)?)\s*(ms|s)\b", re.I)

# The errors of a running stream have a status word even where the number is missing.
_STATUS_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for what. `key` is only there to be taken out of the vendor's words."""

    provider: str
    model: str | None
    key: str


@dataclass(frozen=True, slots=True)
class Account:
    """The vendor's own account of an error. `spent` is a quota that does not come back within minutes."""

    message: str = ""
    code: int | None = None
    status: str = ""
    reasons: tuple[str, ...] = ()
    retry_after_ms: int | None = None
    spent: bool = False


def read_account(body: bytes) -> Account:
    """The account in an error body: an object, a list that holds one, or text."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return Account(message=read_words(body).message)
    return account_of(value)


def account_of(value: Any) -> Account:
    """`{error: {code, message, status, details}}`, or a list of these, or another shape with words in it."""
    if isinstance(value, list):
        return account_of(value[0]) if value else Account()
    error = value.get("error") if isinstance(value, Mapping) else None
    if not isinstance(error, Mapping):
        return Account(message=words_of(value).message)
    details = [detail for detail in _list(error.get("details")) if isinstance(detail, Mapping)]
    message = words_of(error).message
    quotas = [str(violation.get("quotaId", "")) for violation in _violations(details)]
    code = error.get("code")
    return Account(
        message=message,
        code=code if isinstance(code, int) and not isinstance(code, bool) else None,
        status=str(error.get("status") or ""),
        reasons=tuple(str(detail["reason"]) for detail in details if detail.get("reason")),
        retry_after_ms=_hint(details, message),
        spent=any("perday" in quota.lower() for quota in quotas) or bool(_DEPLETED.search(message)),
    )


def refusal(status: int, headers: Mapping[str, str], body: bytes, asked: Asked, now_ms: int) -> Failure:
    """The Failure for an answer that is not 2xx. The hint to wait is in the body, for some proxies in a header."""
    account = read_account(body)
    hint = account.retry_after_ms if account.retry_after_ms is not None else retry_after_ms(headers, now_ms)
    return _failure(status, account, asked, may_retry(status, headers), hint, request_id(headers))


def stream_error(value: Any, asked: Asked, *, begun: bool) -> Failure:
    """The Failure for an error inside a stream. Once an answer has `begun`, nobody knows what is billed."""
    account = account_of(value)
    status = account.code or _STATUS_OF.get(account.status) or 500
    failure = _failure(status, account, asked, may_retry(status, {}), account.retry_after_ms, streamed=True)
    return unanswered(failure) if begun else failure


def row_error(error: Mapping[str, Any], asked: Asked) -> Failure:
    """The Failure for a row of a batch that has an error in place of an answer, numbered in HTTP's way or gRPC's."""
    told = {**error, "code": http_status(error.get("code"))}
    return stream_error({"error": told}, asked, begun=False)


def unanswered(failure: Failure) -> OutcomeUnknown:
    """The same failure, of a request that was run in part."""
    return OutcomeUnknown(
        failure.kind,
        failure.message,
        provider=failure.provider,
        model=failure.model,
        status=failure.status,
        retry_after_ms=failure.retry_after_ms,
        request_id=failure.request_id,
        detail=failure.detail,
    )


def refuses_form(failure: Failure) -> bool:
    """Whether the request itself was not taken, rather than the key, the region or the length of it."""
    precondition = (failure.detail or "").startswith("FAILED_PRECONDITION")
    return failure.kind == "provider_rejected" and failure.status == 400 and not precondition


def kind_of(status: int, account: Account) -> str:
    """The contract's kind. The words win where the status is vague: a wrong key is a 400 here."""
    if any(reason.startswith("API_KEY_") for reason in account.reasons) or _BAD_KEY.search(account.message):
        return "invalid_api_key"
    if status in (401, 403):
        return "invalid_api_key"
    if status in (402, 429):
        return "rate_limited"
    if status in (400, 413) and _TOO_LONG.search(account.message):
        return "context_length_exceeded"
    if status in (408, 504):
        return "timeout"
    # 499 is a request that was cancelled on its way; the person did not cancel it.
    return "provider_unavailable" if status >= 499 else "provider_rejected"


def _failure(
    status: int,
    account: Account,
    asked: Asked,
    retryable: bool,
    hint_ms: int | None,
    id_: str | None = None,
    *,
    streamed: bool = False,
) -> Failure:
    kind = kind_of(status, account)
    said = redact(account.message, asked.key).strip()
    spent = kind == "rate_limited" and (account.spent or status == 402)
    codes = " ".join((account.status, *account.reasons)).strip()
    return Failure(
        kind,
        _spent(asked) if spent else _sentence(kind, status, said, asked, hint_ms, streamed),
        retryable=retryable
        and not spent
        and kind not in ("invalid_api_key", "context_length_exceeded", "content_filtered"),
        provider=asked.provider,
        model=asked.model,
        status=None if streamed else status,
        retry_after_ms=None if spent else hint_ms,
        request_id=id_,
        detail=redact(f"{codes}: {said}" if codes else said, asked.key) or None,
    )


def _spent(asked: Asked) -> str:
    return (
        f"The day's quota or the credit of this {TITLE} key is used up for {asked.model or 'the model'}. "
        "Ask again tomorrow, raise the quota, or choose another model."
    )


def _sentence(kind: str, status: int, said: str, asked: Asked, hint_ms: int | None, streamed: bool) -> str:
    shown = "" if streamed else f" ({status})"
    quoted = f" It says: {said}{'' if said[-1] in '.!?' else '.'}" if said else ""
    model = asked.model or "the model"
    if kind == "invalid_api_key":
        return f"{TITLE} refused the API key. Check it in the settings.{quoted}"
    if kind == "rate_limited":
        wait = "later" if hint_ms is None else f"in {max(1, round(hint_ms / 1000))} s"
        return f"{TITLE} is limiting how fast this key may ask. Try again {wait}."
    if kind == "context_length_exceeded":
        return f"The conversation is longer than {model} can read. Shorten it, or choose a model with a larger context."
    if kind == "provider_unavailable":
        return f"The {TITLE} API is not available at the moment{shown}. Try again later.{quoted}"
    if kind == "timeout":
        return f"The {TITLE} API did not answer in time. Try again, or shorten the request.{quoted}"
    if 300 <= status < 400:
        return f"The {TITLE} API answered with a redirect{shown}. Check the base URL."
    if status == 404 and not asked.model:
        return f"The {TITLE} API has nothing under that name for this key. Check the key.{quoted}"
    if status == 404:
        return f"The {TITLE} API has no model {model} for this key. Choose another model.{quoted}"
    return f"The {TITLE} API rejected the request{shown}.{quoted or ' Change it and try again.'}"


def _violations(details: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for detail in details:
        for violation in _list(detail.get("violations")):
            if isinstance(violation, Mapping):
                yield violation


def _hint(details: list[Mapping[str, Any]], message: str) -> int | None:
    """`retryDelay` as "12s", "1.5s" or {seconds, nanos}; else what the message says in words."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, Mapping):
            return max(0, round(_number(delay.get("seconds")) * 1000 + _number(delay.get("nanos")) / 1e6))
        found = _DELAY.fullmatch(delay.strip()) if isinstance(delay, str) else None
        if found:
            return round(float(found[1]) * 1000)
    said = _SAID_DELAY.search(message)
    return round(float(said[1]) * (1 if said[2].lower() == "ms" else 1000)) if said else None


def _number(value: Any) -> float:
    """64-bit integers are texts in Google's JSON."""
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
