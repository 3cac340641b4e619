from __future__ import annotations

from datetime import date, timedelta

import pytest

from sidecar.money.vendor_days import day_of, first_ms

# Days on which the clocks of the US Pacific coast are changed, those beside them, and any other.
DAYS = [date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 4), date(2026, 12, 31), date(2028, 2, 29)]


@pytest.mark.parametrize("pacific", [True, False])
@pytest.mark.parametrize("day", [each + timedelta(days=by) for each in DAYS for by in (-1, 0, 1)])
def test_a_vendor_s_day_begins_behind_the_one_before(day: date, pacific: bool) -> None:
    begins = first_ms(day, pacific=pacific)
    assert day_of(begins, pacific=pacific) == day
    assert day_of(begins - 1, pacific=pacific) == day - timedelta(days=1)
