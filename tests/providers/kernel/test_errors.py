from __future__ import annotations

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.compatible.errors import compatible
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.grok.errors import GROK
from sidecar.providers.kernel.errors import cut_off, declined, refused_response, row_failure, unreadable
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked, Vendor, authorization
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.registry import BUILT_IN, ProviderRow

KEY = "some-odd-key-without-a-known-shape"
VENDORS = (OPENAI, ANTHROPIC, GEMINI, GROK, compatible("Lab"))
NOT_FOUND = (
    b"",
    b'{"error": {"message": "No such thing.", "type": "not_found_error", "status": "NOT_FOUND"}}',
    b'{"error": {"message": "No such model.", "code": "model_not_found"}}',
)
every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.title)


def asked(vendor: Vendor, model: str | None = None) -> Asked:
    return Asked(vendor, "mine", model, KEY)


def refused(status: int, body: bytes, vendor: Vendor, model: str | None = None) -> Failure:
    return refused_response(status, {}, body, asked(vendor, model), 0)


@every_vendor
@pytest.mark.parametrize("body", NOT_FOUND)
def test_nothing_found_for_a_call_that_names_no_model_blames_no_model(vendor: Vendor, body: bytes) -> None:
    failure = refused(404, body, vendor)
    assert failure.kind == "provider_rejected"
    assert "no model" not in failure.message
    assert "the model" not in failure.message


@pytest.mark.parametrize("vendor", [ANTHROPIC, GEMINI], ids=lambda vendor: vendor.title)
def test_nothing_found_for_a_model_names_it(vendor: Vendor) -> None:
    assert "has no model some-model for this key" in refused(404, b"", vendor, "some-model").message


@every_vendor
@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 408, 413, 429, 500, 503, 529])
def test_every_refusal_names_the_vendor_the_provider_and_the_status(vendor: Vendor, status: int) -> None:
    failure = refused(status, b"", vendor, "some-model")
    assert vendor.title in failure.message or "longer than some-model" in failure.message
    assert (failure.provider, failure.model, failure.status) == ("mine", "some-model", status)


@every_vendor
@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_was_refused_for_itself_is_not_asked_again(vendor: Vendor, status: int) -> None:
    assert refused(status, b"", vendor).retryable is False


@every_vendor
def test_credit_that_is_used_up_is_not_waited_for(vendor: Vendor) -> None:
    failure = refused_response(402, {"retry-after": "5"}, b"", asked(vendor, "some-model"), 0)
    assert (failure.kind, failure.retryable, failure.retry_after_ms) == ("rate_limited", False, None)
    assert "used up" in failure.message


@every_vendor
def test_an_answer_that_broke_may_have_been_charged_for(vendor: Vendor) -> None:
    for failure in (cut_off(asked(vendor)), unreadable(asked(vendor))):
        assert isinstance(failure, OutcomeUnknown)
        assert f"The {vendor.title} API" in failure.message


@every_vendor
def test_no_key_is_repeated_from_what_a_model_declined_with(vendor: Vendor) -> None:
    failure = declined(f"Because of {KEY}", asked(vendor, "some-model"))
    assert failure.message == "some-model declined to answer. Rephrase the request."
    assert KEY not in (failure.detail or "")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(8, "rate_limited"), (429, "rate_limited"), (14, "provider_unavailable"), (16, "invalid_api_key")],
)
@pytest.mark.parametrize("vendor", [GEMINI, GROK], ids=lambda vendor: vendor.title)
def test_the_error_of_a_row_is_numbered_in_either_way(vendor: Vendor, code: int, kind: str) -> None:
    assert row_failure({"code": code, "message": "m"}, asked(vendor)).kind == kind


@pytest.mark.parametrize(
    ("vendor", "headers"),
    [
        (OPENAI, {"authorization": f"Bearer {KEY}"}),
        (GROK, {"authorization": f"Bearer {KEY}"}),
        (ANTHROPIC, {"x-api-key": KEY, "anthropic-version": "2023-06-01"}),
        (GEMINI, {"x-goog-api-key": KEY}),
    ],
)
def test_each_vendor_has_its_header_for_the_key(vendor: Vendor, headers: dict[str, str]) -> None:
    assert authorization(asked(vendor)) == headers


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
def test_the_header_for_the_key_is_that_of_the_providers_row(row: ProviderRow) -> None:
    vendor = {"openai": OPENAI, "anthropic": ANTHROPIC, "gemini": GEMINI, "grok": GROK}[row.name]
    value = f"{row.key_scheme} {KEY}" if row.key_scheme else KEY
    assert authorization(asked(vendor))[row.key_header] == value


@every_vendor
def test_without_a_key_there_is_no_header_for_one(vendor: Vendor) -> None:
    assert authorization(Asked(vendor, "mine", None, "")) == vendor.headers


@every_vendor
@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_can_be_no_header_is_never_sent(vendor: Vendor, key: str) -> None:
    with pytest.raises(Failure, match="Paste it again") as raised:
        authorization(Asked(vendor, "mine", None, key))
    assert raised.value.kind == "invalid_api_key"
