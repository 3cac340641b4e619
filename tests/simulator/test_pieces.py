from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.simulator.answers import pieces
from sidecar.simulator.counting import count_tokens, first_tokens
from sidecar.simulator.directives import Directives, read_directives, without_directives


@given(st.text())
def test_the_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_a_piece_is_a_word_or_two() -> None:
    assert list(pieces("one two three four five")) == ["one", " two three", " four", " five"]
    assert max(map(len, pieces("x" * 1000))) <= 48


@given(st.text(), st.integers(0, 50))
def test_the_first_tokens_are_no_more_than_asked_and_a_beginning(text: str, tokens: int) -> None:
    first = first_tokens(text, tokens)
    assert count_tokens(first) <= tokens
    assert text.encode("utf-8", "replace").startswith(first.encode("utf-8"))


def test_orders_are_read_from_anywhere_in_a_prompt() -> None:
    prompt = "a [[simulate: status=429, retry_after=0.5; times=2]] b [[simulate:pace_ms=3 refusal=0]]"
    assert read_directives(prompt) == Directives(status=429, retry_after=0.5, times=2, pace_ms=3.0)
    assert without_directives("[[simulate: cut=1]] hello") == "hello"
    assert read_directives("no orders [[here]]") == Directives()


@pytest.mark.parametrize(
    "orders", ["nope=1", "status=abc", "status", "finish=never", "cut=-1", "pace_ms=nan", "cut=1e999"]
)
def test_an_order_that_does_not_exist_is_said_to_be_wrong(orders: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_directives(f"[[simulate: {orders}]]")
