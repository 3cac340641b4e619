from __future__ import annotations

import pytest

from sidecar.chat.json_output.multiples import is_multiple
from sidecar.chat.json_output.validate import read_reply
from sidecar.errors import Failure


@pytest.mark.parametrize(
    ("value", "of", "divides"),
    [
        (19.99, 0.01, True),
        (0.3, 0.1, True),
        (1.1, 0.1, True),
        (4.02, 0.01, True),
        (19.995, 0.01, False),
        (7, 2, False),
        (8.0, 2, True),
        (1e308, 1e-300, True),
        (10**40 + 1, 10, False),
        (-0.07, 0.01, True),
        (0, 0.3, True),
    ],
)
def test_a_number_divides_as_it_is_written(value: float, of: float, divides: bool) -> None:
    assert is_multiple(value, of) is divides


def test_a_price_in_cents_follows_a_schema_of_cents() -> None:
    schema = {"properties": {"price": {"type": "number", "multipleOf": 0.01}}}
    assert read_reply('{"price": 19.99}', schema) == {"price": 19.99}
    with pytest.raises(Failure, match=r"19\.995 is not a multiple of 0\.01"):
        read_reply('{"price": 19.995}', schema)
