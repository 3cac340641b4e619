"""Every case for every vendor: what one lacks is skipped with its reason, what is wrong is expected to fail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.conformance.vendors import VENDORS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vendor" in metafunc.fixturenames:
        case = metafunc.function.__name__
        metafunc.parametrize("vendor", [_marked(case, vendor) for vendor in VENDORS])


def _marked(case: str, vendor: Any) -> Any:
    marks: list[pytest.MarkDecorator] = []
    if case in vendor.gaps:
        marks.append(pytest.mark.skip(reason=f"{vendor.name}: {vendor.gaps[case]}"))
    if case in vendor.wrong:
        marks.append(pytest.mark.xfail(strict=True, reason=vendor.wrong[case]))
    return pytest.param(vendor, id=vendor.name, marks=marks)
