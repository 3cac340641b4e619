"""The error table: what a vendor's error becomes for a person, whoever the vendor is (pure).

A vendor says what it means by an error (its `classify`); the sentence, and whether to ask again, come from here.
Secrets are taken out of the vendor's words before anything is read from them, or cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from sidecar.errors import Failure
from sidecar.providers.kernel.error_fields import LONGEST_MESSAGE, key_refused, lacks_right, read_body
from sidecar.providers.kernel.error_headers import may_retry, request_id, retry_after_ms
from sidecar.providers.kernel.json_values import whole_text
from sidecar.providers.kernel.outcome import LONGEST_HINT_MS, OutcomeUnknown
from sidecar.providers.kernel.redirects import shown as shown_address
from sidecar.providers.kernel.redirects import target
from sidecar.providers.kernel.reset_hints import reset_ms, said_ms
from sidecar.providers.kernel.status_words import PLAIN, of_status
from sidecar.providers.kernel.vendor import Asked, VendorError
from sidecar.providers.kernel.web_pages import (
    WEB_PAGE,
    certificate_wanted,
    is_page,
    page_instead,
    wants_certificate,
)
from sidecar.providers.kernel.whole_waits import when

_OF_A_DAY = re.compile(
    r"\bdaily\b|(?<![a-z])per[ _-]?day(?![a-z])|\ba day\b|(?:of|for) (?:the|this) day\b|\btoday\b|\b[RT]PD\b",
    re.I,
)
_OF_A_MONTH = re.compile(
    r"\bmonthly\b|(?<![a-z])per[ _-]?month(?![a-z])|(?:of|for) (?:the|this) month\b", re.I
)
# From https://grpc.io/docs/guides/status-codes/, in their order.
_HTTP = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)


def http_status(code: Any) -> Any:
    """The HTTP status of one of gRPC's numbers; anything else as it is."""
    if isinstance(code, int) and not isinstance(code, bool) and 0 < code < len(_HTTP):
        return _HTTP[code]
    return code


# What servers say, and proxies with a page of their own, to a request of a size that they do not take.
TOO_LARGE = frozenset({413, 414})
# A key, a length or a content that is refused is refused again, whatever the status.
RETRYABLE = frozenset({"rate_limited", "provider_unavailable", "provider_rejected", "timeout"})


def refused_response(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked, now_ms: int
) -> Failure:
    """Return the Failure for an answer that is not 2xx."""
    if 300 <= status < 400:
        return _moved(asked, status, headers)
    value = asked.secrets.hide_in(read_body(body))
    error = asked.vendor.classify(status, value)
    retryable = may_retry(error.status, headers)
    final = status >= 400 and not retryable
    is_no_answer = error.kind in ("invalid_api_key", "provider_rejected") and status not in TOO_LARGE | PLAIN
    if wants_certificate(status, body):
        failure = asked.named(certificate_wanted(asked.title))
        failure.status = status
        return failure
    # A network that wants a login says 511, with a page of its own or none.
    if status == 511 or (final and is_no_answer and is_page(body)):
        failure = web_page(asked, f" ({status})")
        failure.status, failure.request_id = status, request_id(headers)
        return failure
    if asked.model is not None and (status == 524 or (status == 504 and is_page(body))):
        return _given_up_on_the_way(status, asked, WEB_PAGE if is_page(body) else None)
    hint_ms = _hint_ms(error, value, headers, asked, now_ms)
    failure = _failure(error, asked, f" ({status})", retryable, hint_ms)
    failure.status, failure.request_id = status, asked.secrets.hide(request_id(headers) or "") or None
    if failure.detail is None and is_page(body):
        failure.detail = WEB_PAGE
    return failure


def opening_refusal(value: Any, headers: Mapping[str, str], asked: Asked, now_ms: int) -> tuple[Failure, int]:
    """Return the Failure for an error that an accepted answer begins with, and the status that it stands for."""
    told = asked.secrets.hide_in(value)
    error = asked.vendor.classify(None, told)
    hint_ms = _hint_ms(error, told, headers, asked, now_ms)
    failure = _failure(error, asked, "", may_retry(error.status, headers), hint_ms)
    failure.request_id = asked.secrets.hide(request_id(headers) or "") or None
    return failure, error.status


def web_page(asked: Asked, shown: str = "") -> Failure:
    """Return the Failure for a web page where an answer should be."""
    return asked.named(page_instead(asked.title, shown, is_question=asked.model is not None))


def stream_failure(value: Any, asked: Asked, *, produced: bool) -> Failure:
    """Return the Failure for an error inside a stream; with anything `produced`, nobody knows what is billed."""
    error = asked.vendor.classify(None, asked.secrets.hide_in(value))
    failure = _failure(error, asked, "", may_retry(error.status, {}), error.hint_ms)
    if not produced:
        return failure
    unknown = OutcomeUnknown.instead_of(failure)
    # In the middle of an answer a vendor that is not well has broken off, whatever it says of it.
    unknown.broke_off = failure.kind == "provider_unavailable"
    return unknown


def row_failure(error: Any, asked: Asked) -> Failure:
    """Return the Failure for a row of a batch that has an error, numbered in HTTP's way or gRPC's, for an answer."""
    numbered = {**error, "code": http_status(error.get("code"))} if isinstance(error, Mapping) else error
    return stream_failure({"error": numbered}, asked, produced=False)


def cut_off(asked: Asked) -> Failure:
    """Return the failure of an answer that ended before it was complete."""
    failure = _unknown(
        f"The {asked.title} API ended its answer before it was complete. It may have charged for it", asked
    )
    failure.broke_off = True
    return failure


def unreadable(asked: Asked, said: str = "") -> Failure:
    """Return the failure of an answer that holds nonsense; `said` is what of it may be words for a person."""
    failure = _unknown(
        f"The {asked.title} API sent something that cannot be read. It may have charged for the request",
        asked,
    )
    said = asked.secrets.hide(whole_text(said.strip()))
    if said and not is_page(said.encode("utf-8", "replace")):
        failure.message += f" It says: {said}"
    failure.detail = said or None
    failure.vendors_fault = True
    return failure


def declined(detail: str, asked: Asked, *, words: str = "") -> Failure:
    """Return the failure for the model's own no. `detail` is why, where the vendor says it; `words` are the model's."""
    words = asked.secrets.hide(whole_text(" ".join(words.split())))[:LONGEST_MESSAGE]
    quoted = _quoted(words)
    return Failure(
        "content_filtered",
        f"{asked.model or 'The model'} declined to answer.{quoted} Rephrase the request.",
        provider=asked.provider,
        model=asked.model,
        detail=asked.secrets.hide(detail) or None,
    )


def stopped_without_answer(detail: str, asked: Asked) -> Failure:
    """Return the failure of a model that ended with an error and no word. `detail` is the vendor's word for it."""
    return Failure(
        "provider_unavailable",
        f"{asked.model or 'The model'} stopped without an answer. Ask again, or change the request.",
        provider=asked.provider,
        model=asked.model,
        detail=asked.secrets.hide(detail) or None,
    )


def _quoted(said: str) -> str:
    ends = said.rstrip(")]\"'”’»").endswith((*".!?。！？…",))
    return f" It says: {said}{'' if ends else '.'}" if said else ""


def _given_up_on_the_way(status: int, asked: Asked, detail: str | None) -> OutcomeUnknown:
    """A gateway waited no longer, and the vendor goes on: 524 is Cloudflare's word, a page with 504 that of nginx."""
    unknown = OutcomeUnknown(
        "timeout",
        f"Something between here and {asked.title} gave up waiting for the answer ({status}). It may have been written "
        "and charged all the same. Ask for less, or give the gateway more time, then try again.",
        provider=asked.provider,
        model=asked.model,
        detail=detail,
    )
    unknown.status = status
    return unknown


def _unknown(what: str, asked: Asked) -> OutcomeUnknown:
    return OutcomeUnknown(
        "provider_unavailable", f"{what}; try again.", provider=asked.provider, model=asked.model
    )


def _failure(error: VendorError, asked: Asked, shown: str, retryable: bool, hint_ms: int | None) -> Failure:
    said = error.said.strip()
    quoted = _quoted(said)
    if error.spent is None and hint_ms is None:
        error = replace(error, spent=_used_up(error))
    detail = f"{error.codes}: {said}" if error.codes else said
    failure = Failure(
        error.kind,
        _spent(error, asked) + quoted if error.spent else _sentence(error, asked, shown, quoted, hint_ms),
        retryable=retryable and error.kind in RETRYABLE and not error.spent,
        provider=asked.provider,
        model=asked.model,
        retry_after_ms=None if error.spent else hint_ms,
        detail=detail or None,
    )
    failure.spent, failure.lacks_right = error.spent is not None, lacks_right(said)
    return failure


def _hint_ms(
    error: VendorError, value: Any, headers: Mapping[str, str], asked: Asked, now_ms: int
) -> int | None:
    """How long to wait: the vendor's own word, the header for it, then whatever else tells the end of a limit."""
    hint = error.hint_ms if error.hint_ms is not None else retry_after_ms(headers, now_ms)
    if hint is None and error.status == 429:
        hint = asked.vendor.reset_ms(headers, now_ms)
    if hint is None and error.kind == "rate_limited":
        hint = said_ms(value, error.said, now_ms)
    if hint is None and error.kind == "rate_limited":
        hint = reset_ms(headers, now_ms)
    return hint


def _moved(asked: Asked, status: int, headers: Mapping[str, str]) -> Failure:
    there = target("", headers)
    to = asked.secrets.hide(f" to {shown_address(there)}") if there is not None else ""
    return Failure(
        "provider_rejected",
        f"The {asked.title} API answered with a redirect ({status}){to}. Check the base URL, and whether the network "
        "wants a login first: a key goes to no other place by itself. Nothing was run.",
        retryable=False,
        provider=asked.provider,
        model=asked.model,
        status=status,
        request_id=asked.secrets.hide(request_id(headers) or "") or None,
    )


def _spent(error: VendorError, asked: Asked) -> str:
    if error.spent == "credit":
        return (
            f"The credit or spending limit of this {asked.title} key is used up. "
            "Add credit or raise the limit, then ask again."
        )
    return (
        f"The day's quota or the credit of this {asked.title} key is used up for {asked.model or 'the model'}. "
        "Ask again tomorrow, raise the quota, or choose another model."
    )


def _used_up(error: VendorError) -> Literal["credit", "quota"] | None:
    """What a limit of the month or the day has used up, where nothing else is said of its end: nobody waits for it."""
    if error.kind != "rate_limited" or said_ms(None, error.said, 0) is not None:
        return None
    words = f"{error.codes} {error.said}"
    if _OF_A_MONTH.search(words):
        return "credit"
    return "quota" if _OF_A_DAY.search(words) else None


def _sentence(error: VendorError, asked: Asked, shown: str, quoted: str, hint_ms: int | None) -> str:
    """What happened and what to do next. `shown` is the status in brackets, `quoted` what the vendor says."""
    title, model, said = asked.title, asked.model, error.said
    # A short wait is over before this is told.
    long_ms = hint_ms if (hint_ms or 0) > LONGEST_HINT_MS else None
    is_open = error.kind in ("provider_unavailable", "provider_rejected") and not error.missing
    if shown and is_open and long_ms is None and (told := of_status(title, error.status)) is not None:
        return told + quoted
    match error.kind:
        case "invalid_api_key":
            return f"{key_refused(title, said)}{quoted}"
        case "rate_limited":
            return f"{title} is limiting how fast this key may ask. Try again {when(hint_ms)}.{quoted}"
        case "context_length_exceeded":
            return (
                f"The conversation is longer than {model or 'the model'} can read. "
                "Shorten it, or choose a model with a larger context."
            )
        case "content_filtered":
            return f"{title} blocked this request by its content rules. Rephrase it.{quoted}"
        case "provider_unavailable":
            return (
                f"The {title} API is not available at the moment{shown}. Try again {when(long_ms)}.{quoted}"
            )
        case "timeout":
            return f"The {title} API did not answer in time. {error.advice or 'Try again.'}{quoted}"
    if error.status in TOO_LARGE and not quoted:
        return (
            f"The {title} API, or a proxy before it, does not take a request of this size{shown}. "
            "Shorten it, or raise the limit there. Nothing was run."
        )
    if error.missing and model:
        return f"The {title} API has no model {model} for this key. Choose another model.{quoted}"
    if error.missing:
        return f"The {title} API has nothing under that name for this key. Check the key.{quoted}"
    return f"The {title} API rejected the request{shown}. Change it and try again.{quoted}"
