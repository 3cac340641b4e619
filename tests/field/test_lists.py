"""The lists of the field and the tests of them match, both ways."""

from __future__ import annotations

from tests.field.claims import claims, lines
from tests.field.table import PAGE, page


def test_every_claim_names_one_line_of_its_list() -> None:
    wrong = []
    for claim in claims():
        hits = [
            line
            for line in lines()
            if line.list_name == claim.list_name and line.text.startswith(claim.start)
        ]
        if len(hits) != 1:
            wrong.append(
                f"{claim.test} claims {claim.start!r} of {claim.list_name}: {len(hits)} lines begin so"
            )
    assert wrong == []


def test_every_line_of_the_lists_is_claimed_by_a_test() -> None:
    claimed = list(claims())
    unclaimed = [
        f"{line.list_name}: {line.text}"
        for line in lines()
        if not any(line.list_name == each.list_name and line.text.startswith(each.start) for each in claimed)
    ]
    assert unclaimed == []


def test_the_page_of_the_field_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
