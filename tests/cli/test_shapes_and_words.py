"""Short schemas, and figures as people read them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sidecar.cli.commands.apart import Shell, assignment
from sidecar.cli.figures import explained_table, reconciled_table
from sidecar.cli.lists import bars
from sidecar.cli.safeguard import safeguard, safeguard_words
from sidecar.cli.shapes import BadShape, read_shape
from sidecar.cli.words import cost_of, dollars, option_values, percentile, seconds


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("name", {"name": {"type": "string"}}),
        ("name, age int", {"name": {"type": "string"}, "age": {"type": "integer"}}),
        ("ok: bool", {"ok": {"type": "boolean"}}),
        (
            "tags [string], score float",
            {"tags": {"type": "array", "items": {"type": "string"}}, "score": {"type": "number"}},
        ),
    ],
)
def test_a_short_form_is_a_schema_of_required_fields(text: str, properties: dict[str, Any]) -> None:
    schema = read_shape(text)
    assert schema["properties"] == properties
    assert schema["required"] == list(properties)
    assert schema["additionalProperties"] is False


def test_a_schema_stays_as_it_is() -> None:
    assert read_shape('{"type": "array"}') == {"type": "array"}


@pytest.mark.parametrize("text", ["", ",", "age whole", "two words too many", "{broken"])
def test_what_is_no_schema_is_told(text: str) -> None:
    with pytest.raises(BadShape):
        read_shape(text)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "–"),
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.0042, "$0.0042"),
        (0.00000142, "$0.00000142"),
        (0.0000003, "$0.0000003"),
    ],
)
def test_dollars_have_the_digits_that_say_something(amount: float | None, shown: str) -> None:
    assert dollars(amount) == shown


def test_a_cost_that_is_not_known_is_told_by_its_bounds() -> None:
    assert cost_of({"costUSD": 0.5}) == "$0.50"
    assert cost_of({"costAtLeastUSD": 0.1, "costAtMostUSD": 2}) == "$0.10 to $2.00"
    assert cost_of({}) == "–"


def test_percentiles_are_values_that_occurred() -> None:
    assert (percentile([], 0.5), percentile([3, 1, 2], 0.5), percentile([1, 2, 3, 4], 0.95)) == (None, 2, 4)
    assert seconds(1234) == "1.2 s"


def test_options_are_json_where_they_are_json() -> None:
    given = [("temperature", "0.2"), ("cacheTTL", "5m"), ("jsonMode", "true")]
    assert option_values(given) == {"temperature": 0.2, "cacheTTL": "5m", "jsonMode": True}


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (None, "A=b"),
        (Shell.SH, "export A='b'"),
        (Shell.FISH, "set -gx A 'b'"),
        (Shell.POWERSHELL, "$env:A = 'b'"),
    ],
)
def test_a_variable_is_set_as_the_shell_wants_it(shell: Shell | None, line: str) -> None:
    assert assignment(shell, "A", "b") == line


def test_a_large_table_is_begun_with_care_unless_the_person_says_otherwise() -> None:
    told = {"highUSD": 3.0}
    large = {"canary": 50, "stopWhen": {"errorRate": 0.1, "invalidJsonRate": 0.1, "totalUSD": 3.0}}
    assert safeguard(1_000, told, None, {}) == {}
    assert safeguard(1_001, told, None, {}) == large
    assert safeguard(1_001, told, 0, {"totalUSD": 1.0}) == {"stopWhen": large["stopWhen"] | {"totalUSD": 1.0}}  # type: ignore[operator]
    assert safeguard(5, told, 2, {}) == {"canary": 2}
    assert safeguard_words({}) is None
    assert safeguard_words(large) == (
        "50 rows go first, and the others follow by themselves; it pauses beyond errorRate 0.1, invalidJsonRate 0.1, "
        "totalUSD 3. --no-safeguard runs all of them at once."
    )


def test_a_cost_that_is_not_known_is_not_shown_as_nothing() -> None:
    lacks = {"uncertainCalls": 1, "costAtLeastUSD": 0.1, "costAtMostUSD": 0.25}
    shown = bars("model", [("known", 0.5, {}), ("unknown", None, lacks)])
    assert list(shown.columns[1].cells) == ["$0.50", "–"]
    told = "and 1 call whose cost is not known: $0.10 to $0.25 together"
    assert list(shown.columns[3].cells) == ["", told]


def test_what_settled_a_call_is_in_its_line_and_what_is_no_charge_in_the_head_of_its_column() -> None:
    call = {"model": "lab/m", "state": "settled", "lines": [], "costUSD": 0.5}
    settled = {**call, "settledBy": "record", "settledAt": 1_795_392_000_000}
    shown = list(explained_table([call, settled]).columns[2].cells)
    assert shown[0] == "= settled"
    assert re.fullmatch(r"= settled on 2026-11-2[23] by the vendor's record of it", str(shown[1]))
    sums = {"oursUSD": 1, "theirsUSD": 1, "differenceUSD": 0, "uncertain": 0}
    heads = [
        str(each.header) for each in reconciled_table({"days": [], "theirsPriced": True, **sums}).columns
    ]
    assert heads[3] == "theirs, at our prices"
    assert [str(each.header) for each in reconciled_table({"days": [], **sums}).columns][3] == "theirs"
