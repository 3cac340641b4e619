"""Times as vendors write them."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.providers.kernel.json_values import moment_ms


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-11-23T00:00:00Z", 1_795_392_000_000),
        ("2026-11-23T00:00:00.123456789Z", 1_795_392_000_123),
        ("2026-11-23T02:00:00.5+02:00", 1_795_392_000_500),
        ("2026-11-23T00:00:00", 1_795_392_000_000),
        (1_795_392_000, 1_795_392_000_000),
        (1_795_392_000.25, 1_795_392_000_250),
        ("1795392000", 1_795_392_000_000),
        ("soon", None),
        ("", None),
        (None, None),
        (0, None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        ({}, None),
    ],
)
def test_a_time_is_read_to_the_millisecond(written: Any, ms: int | None) -> None:
    assert moment_ms(written) == ms
