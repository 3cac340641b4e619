"""Blanks beside quotes and delimiters: those that belong to a text, and those that do not."""

from __future__ import annotations

import pytest

from tests.batch.files.test_files_round_trip import exported, imported


@pytest.mark.parametrize("text", ['", "', "a, ", "a,  ", '"a", "b", ', "a\n, ", "a; "])
def test_a_text_that_ends_with_a_comma_and_a_blank_comes_back_whole(text: str) -> None:
    """Its last quote is no quote that belongs to the next cell, with a blank between."""
    row = {"id": "r1", "prompt": f"P{text}", "model": "m", "system": text, "data": {"c": text}}
    (found,) = imported(exported([row], "csv"), "csv")
    assert {name: found[name] for name in row} == row


def test_blanks_between_cells_and_their_quotes_are_no_text() -> None:
    (found,) = imported(b'prompt, "model", "system"\r\n"P, ", "m", "a, b"\r\n', "csv")
    assert (found["model"], found["system"]) == ("m", "a, b")
