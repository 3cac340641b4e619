"""Every case for every vendor: what one lacks is skipped with its reason, what is wrong is expected to fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.providers.conformance.batch_vendor import BatchVendor
from tests.providers.conformance.vendor import Vendor
from tests.providers.conformance.vendors import BATCHES, VENDORS

# By the argument of the case that asks for them.
ASKED: dict[str, Sequence[Vendor | BatchVendor]] = {"vendor": VENDORS, "batches": BATCHES}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    case = metafunc.function.__name__
    for name in ASKED.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, [_marked(case, vendor) for vendor in ASKED[name]])


def _marked(case: str, vendor: Vendor | BatchVendor) -> Any:
    return pytest.param(vendor, id=vendor.name, marks=tuple(_marks(case, vendor)))


def _marks(case: str, vendor: Vendor | BatchVendor) -> Iterator[pytest.MarkDecorator]:
    if case in vendor.gaps:
        yield pytest.mark.skip(reason=f"{vendor.name}: {vendor.gaps[case]}")
    if case in vendor.wrong:
        yield pytest.mark.xfail(strict=True, reason=f"{vendor.name}: {vendor.wrong[case]}")
