"""Counting tokens, as the renderer does it rows times rows during a batch."""

from __future__ import annotations

import pytest

from sidecar.money.tokens import COUNTER, method_of
from tests.helpers.inside import Inside

TEXT = "Which norm holds for concrete, and since when?"


@pytest.mark.parametrize(
    ("asked", "counted_as"),
    [
        (None, None),
        ("gpt-4o", "openai/gpt-4o"),
        # Retired: who answers in its place is who is paid.
        ("anthropic/claude-3-7-sonnet-20250219", "anthropic/claude-sonnet-5-5"),
        ("claude-4-sonnet", "anthropic/claude-sonnet-5-5"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("gpt-4-turbo", "gpt-4-turbo"),
        ("a model that nobody knows", None),
    ],
)
@pytest.mark.parametrize("method", ["tokens:count", "utils:count-tokens"])
async def test_a_count_is_a_bare_number_by_the_model_that_answers(
    app: Inside, method: str, asked: str | None, counted_as: str | None
) -> None:
    expected = await COUNTER.count(TEXT, counted_as)
    assert (await app.ask(method, {"text": TEXT, "modelId": asked}))["result"] == expected


def test_the_models_above_are_counted_in_different_ways() -> None:
    names = ("openai/gpt-4o", "gpt-4-turbo", "anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-4-5")
    assert len({(method_of(name).encoding, method_of(name).percent) for name in names}) == 4


async def test_the_empty_text_has_none_and_no_text_is_refused(app: Inside) -> None:
    assert (await app.ask("tokens:count", {"text": ""}))["result"] == 0
    assert (await app.ask("tokens:count", {}))["error"]["code"] == -32602


async def test_megabytes_are_counted_while_others_are_answered(app: Inside) -> None:
    await app.ask("project:list")
    await app.ask("tokens:count", {"text": "loaded"})
    app.send(
        {"jsonrpc": "2.0", "id": "large", "method": "tokens:count", "params": {"text": "a b " * (3 * 10**6)}}
    )
    app.send({"jsonrpc": "2.0", "id": "small", "method": "project:list"})
    answers = [await app.next_message(), await app.next_message()]
    assert [answer["id"] for answer in answers] == ["small", "large"]
    assert answers[1]["result"] >= 3 * 10**6
