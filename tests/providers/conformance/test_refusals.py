"""What a vendor's no means: its kind, whether to ask again, and the sentence for the person."""

from __future__ import annotations

import json

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import collect
from tests.helpers.scripted import Reply
from tests.providers.conformance.vendor import KEY, ORIGIN, Vendor

ODD = "The field foo is odd."
# Where a vendor differs, its adapter says so in `kinds`.
KINDS = {
    302: ("provider_rejected", False),
    400: ("provider_rejected", False),
    401: ("invalid_api_key", False),
    402: ("rate_limited", False),
    403: ("invalid_api_key", False),
    404: ("provider_rejected", False),
    408: ("timeout", True),
    409: ("provider_rejected", True),
    413: ("provider_rejected", False),
    422: ("provider_rejected", False),
    429: ("rate_limited", True),
    500: ("provider_unavailable", True),
    502: ("provider_unavailable", True),
    503: ("provider_unavailable", True),
    504: ("provider_unavailable", True),
    529: ("provider_unavailable", True),
}
by_status = pytest.mark.parametrize("status", KINDS)


async def refused(vendor: Vendor, reply: Reply, key: str = KEY) -> Failure:
    provider, transport = vendor.scripted(reply, retries=0)
    events, failure = await collect(provider, vendor.plan(), key)
    assert failure is not None
    assert events == []
    assert not isinstance(failure, OutcomeUnknown)
    assert len(transport.asked) == 1
    return failure


def body(vendor: Vendor, status: int) -> bytes:
    """Words that leave no doubt, where the status leaves one."""
    if status == 404:
        return vendor.unknown_model()
    return vendor.refusal(status, "The API key may not do this." if status == 403 else ODD)


@by_status
async def test_each_refusal_has_its_kind_in_the_vendors_own_body(vendor: Vendor, status: int) -> None:
    failure = await refused(
        vendor, Reply(status, {vendor.request_id_header: "req_1"}, [body(vendor, status)])
    )
    kind = vendor.kinds.get(status, KINDS[status])
    assert (failure.kind, failure.retryable) == kind
    assert (failure.provider, failure.model, failure.status) == (vendor.provider, vendor.model, status)
    assert failure.request_id == "req_1"
    assert failure.message.endswith(".")
    if failure.kind in ("provider_rejected", "provider_unavailable"):
        assert "API" in failure.message


@pytest.mark.parametrize(
    "content", [b"", b"<html><body>Not <b>here</b></body></html>"], ids=["nothing", "a page"]
)
@pytest.mark.parametrize("status", [402, 408, 409, 429, 500, 502, 503, 529, 302])
async def test_a_refusal_without_the_vendors_words_has_the_kind_of_its_status(
    vendor: Vendor, status: int, content: bytes
) -> None:
    failure = await refused(vendor, Reply(status, {}, [content]))
    assert (failure.kind, failure.retryable) == vendor.kinds.get(status, KINDS[status])
    assert failure.message.endswith(".")
    assert "<" not in failure.message


async def test_a_bare_401_refuses_the_key(vendor: Vendor) -> None:
    failure = await refused(vendor, Reply(401, {}, [b""]))
    assert (failure.kind, failure.retryable) == vendor.kinds.get(401, KINDS[401])


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_web_page_is_nobodys_word_about_a_key(vendor: Vendor, status: int) -> None:
    failure = await refused(vendor, Reply(status, {}, [b"<!doctype html>\n<title>Log in</title>"]))
    assert (failure.kind, failure.retryable, failure.status) == ("provider_rejected", False, status)
    assert "web page" in failure.message
    assert "base URL" in failure.message


@pytest.mark.parametrize("status", [400, 401, 422, 500, 503, 529])
async def test_the_vendors_own_words_are_passed_on(vendor: Vendor, status: int) -> None:
    failure = await refused(vendor, Reply(status, {}, [vendor.refusal(status, ODD)]))
    assert ODD in failure.message
    assert ODD in (failure.detail or "")


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop1234",
        "sk-proj-abc***********xyz9",
        "sk-ant-api03-abcdefghijklmnop",
        "AIzaSyA1234567890abcdefg",
        "xai-abcdefghij0123456789",
        KEY,
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
async def test_no_key_is_ever_repeated(vendor: Vendor, status: int, secret: str) -> None:
    words = f"The model and the key {secret} do not fit. Bearer {secret} is wrong."
    failure = await refused(vendor, Reply(status, {}, [vendor.refusal(status, words)]))
    assert secret not in json.dumps([failure.message, failure.data()])


async def test_a_404_for_a_model_names_it(vendor: Vendor) -> None:
    failure = await refused(vendor, Reply(404, {}, [vendor.unknown_model()]))
    assert vendor.model in failure.message
    assert failure.status == 404


async def test_a_404_for_the_key_speaks_of_no_model(vendor: Vendor) -> None:
    reply = Reply(404, {}, [vendor.refusal(404, "Not found.")])
    provider, _ = vendor.scripted(reply, reply)
    with pytest.raises(Failure) as raised:
        await provider.validate_key(KEY)
    assert (raised.value.status, raised.value.model) == (404, None)
    assert "model" not in raised.value.message.replace("/models", "")


async def test_a_prompt_that_is_too_long_is_said_to_be(vendor: Vendor) -> None:
    failure = await refused(vendor, vendor.too_long())
    assert (failure.kind, failure.retryable) == ("context_length_exceeded", False)
    assert vendor.model in failure.message


async def test_credit_that_is_used_up_says_what_to_do_and_is_not_waited_for(vendor: Vendor) -> None:
    failure = await refused(vendor, vendor.spent())
    assert (failure.kind, failure.retryable, failure.retry_after_ms) == ("rate_limited", False, None)
    assert "credit" in failure.message
    assert vendor.title in failure.message


async def test_a_limit_on_the_speed_says_how_long_to_wait(vendor: Vendor) -> None:
    failure = await refused(vendor, vendor.busy(90))
    assert (failure.kind, failure.retryable, failure.retry_after_ms) == ("rate_limited", True, 90_000)
    assert "90 s" in failure.message


@pytest.mark.parametrize(
    ("headers", "hint_ms"),
    [
        ({"retry-after": "7"}, 7_000),
        ({"retry-after-ms": "1500"}, 1_500),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, 30_000),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_hint_in_a_header_is_read_in_every_form(
    vendor: Vendor, headers: dict[str, str], hint_ms: int | None
) -> None:
    failure = await refused(vendor, Reply(429, headers, [vendor.refusal(429, "Slow down.")]))
    assert failure.retry_after_ms == hint_ms


async def test_the_vendor_may_forbid_to_ask_again(vendor: Vendor) -> None:
    failure = await refused(vendor, Reply(503, {"x-should-retry": "false"}, [vendor.refusal(503, ODD)]))
    assert failure.retryable is False


async def test_what_may_work_later_is_asked_again(vendor: Vendor) -> None:
    busy = Reply(503, {}, [vendor.refusal(503, ODD)])
    provider, transport = vendor.scripted(busy, vendor.busy(1), Reply(chunks=[vendor.stream("Hi")]))
    _, failure = await collect(provider, vendor.plan(), KEY)
    assert failure is None
    assert len(transport.asked) == 3
    assert transport.closed == 3


async def test_content_that_the_vendors_rules_forbid_is_said_to_be(vendor: Vendor) -> None:
    provider, _ = vendor.scripted(vendor.blocked(), retries=0)
    events, failure = await collect(provider, vendor.plan())
    assert failure is not None
    # Nothing was answered; one vendor takes a fee for it, which is told.
    assert all(isinstance(event, UsageSoFar) and event.usage.charged_usd for event in events)
    assert (failure.kind, failure.retryable) == ("content_filtered", False)
    assert "content rules" in failure.message


async def test_a_key_is_judged_by_the_vendors_cheapest_call(vendor: Vendor) -> None:
    provider, transport = vendor.scripted(Reply(200, {}, [vendor.key_description]))
    assert await provider.validate_key(KEY) is None
    (asked,) = transport.asked
    assert (asked.method, asked.url) == ("GET", ORIGIN + vendor.key_path)
    assert asked.headers.items() >= vendor.key_header(KEY).items()


async def test_a_wrong_key_is_told_with_what_to_do(vendor: Vendor) -> None:
    provider, _ = vendor.scripted(vendor.wrong_key())
    reason = await provider.validate_key(KEY)
    assert reason is not None
    assert "refused the API key" in reason
    assert vendor.title in reason


async def test_a_wrong_key_is_told_to_who_asks_too(vendor: Vendor) -> None:
    assert (await refused(vendor, vendor.wrong_key())).kind == "invalid_api_key"


async def test_a_key_that_may_not_be_used_here_is_told_why(vendor: Vendor) -> None:
    elsewhere = Reply(403, {}, [vendor.refusal(403, "The API key may not be used in this country.")])
    provider, _ = vendor.scripted(elsewhere, elsewhere)
    reason = await provider.validate_key(KEY)
    assert reason is not None
    assert "may not be used in this country" in reason


async def test_a_key_that_is_limited_is_a_key(vendor: Vendor) -> None:
    limited = Reply(429, {"x-should-retry": "false"}, [vendor.refusal(429, "Slow down.")])
    provider, _ = vendor.scripted(limited)
    assert await provider.validate_key(KEY) is None


async def test_a_key_that_nobody_can_judge_is_neither_good_nor_bad(vendor: Vendor) -> None:
    provider, _ = vendor.scripted(Reply(500, {}, [vendor.refusal(500, ODD)]), retries=0)
    with pytest.raises(Failure) as raised:
        await provider.validate_key(KEY)
    assert raised.value.kind == "provider_unavailable"
