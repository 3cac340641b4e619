"""Every value that a vendor says of a batch is replaced by one that nobody expects there: no adapter breaks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.batches import BatchAdapter, BatchState, LookupResult
from tests.fuzz.mangled import mutations
from tests.helpers.batches import KEY, outcomes
from tests.helpers.scripted import Reply
from tests.providers.conformance.batch_vendor import BatchVendor, said
from tests.providers.conformance.vendors import BATCHES

every_vendor = pytest.mark.parametrize("vendor", BATCHES, ids=lambda vendor: vendor.name)
Ask = Callable[[BatchAdapter], Awaitable[Any]]


async def asked(vendor: BatchVendor, value: Any, ask: Ask) -> Any:
    """What comes of an answer. A Failure is one too; anything else that is raised is a bug."""
    adapter, _ = vendor.scripted(*[said(value)] * 6)
    try:
        return await ask(adapter)
    except Failure:
        return None
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} of {json.dumps(value)}") from error


@every_vendor
@pytest.mark.parametrize("state", ["new", "done", "failed"])
async def test_no_value_of_a_batch_is_a_bug_wherever_it_stands(vendor: BatchVendor, state: Any) -> None:
    for changed in mutations(vendor.batch("batch_1", state)):
        found = await asked(vendor, changed, lambda adapter: adapter.check(KEY, "batch_1"))
        assert found is None or isinstance(found, BatchState)
        found = await asked(vendor, changed, lambda adapter: adapter.create(KEY, vendor.lone))
        assert found is None or found.native_id


@every_vendor
async def test_no_value_of_a_list_is_a_bug_and_none_finds_a_batch_of_others(vendor: BatchVendor) -> None:
    for changed in mutations(vendor.page(vendor.batch("batch_9", "running", tag="another"))):
        found = await asked(vendor, changed, lambda adapter: adapter.find(KEY, vendor.lone))
        assert found is None or isinstance(found, LookupResult)
        assert found is None or found.state is None


@every_vendor
@pytest.mark.parametrize("ended", ["answer", "error", "expired"])
async def test_no_value_of_a_result_is_a_bug_and_the_other_rows_are_read(
    vendor: BatchVendor, ended: Any
) -> None:
    for changed in mutations(vendor.row("a", ended)):
        try:
            state, content = vendor.results(changed, vendor.row("b", "answer"))
        except (TypeError, AttributeError, KeyError, ValueError):
            continue  # the test's own way to write a row does not take it
        adapter, _ = vendor.scripted(*[Reply(chunks=[content])] * 4)
        try:
            came = await outcomes(adapter, state)
        except Failure:
            continue
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} of {json.dumps(changed)}") from error
        assert "b" in {row.custom_id for row in came}, json.dumps(changed)
