"""What calls cost, line by line: every row of a mixed run is recomputed from what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.inside import Inside

QUESTION = "Why is the sky blue, and the evening red?"
MODELS = (
    "openai/gpt-6.1-terra",
    "openai/gpt-6-sol",
    "anthropic/claude-opus-5-5",
    "gemini/gemini-3.6-flash",
    "grok/grok-4.7",
)


async def explained(app: Inside, **params: Any) -> Any:
    answer = await app.ask("cost:explain", params)
    return answer.get("result", answer.get("error"))


@pytest.mark.parametrize("options", [{}, {"enableWebSearch": True}, {"enablePromptCaching": True}])
@pytest.mark.parametrize("model", MODELS)
async def test_the_lines_of_an_answer_add_up_to_its_cost(
    model: str, options: dict[str, Any], app: Inside
) -> None:
    asked = {"conversationId": "talk", "content": QUESTION, "modelId": model, "options": options}
    reply = (await app.ask("chat:send", asked))["result"]
    [call] = await explained(app, messageId=reply["id"])
    assert call["costUSD"] == reply["costUSD"]
    assert sum(line["usd"] for line in call["lines"]) == pytest.approx(call["costUSD"], abs=1e-12)
    for line in call["lines"]:
        if call["namedBy"] == "price list":
            recomputed = line["quantity"] * line["ratePerMillionUSD"] / 1_000_000
            assert line["usd"] == pytest.approx(recomputed, abs=1e-12)
    assert call["requests"] == 1


async def test_what_was_never_spent_is_not_found(app: Inside) -> None:
    assert (await explained(app, messageId="nobody"))["code"] == -32001
    assert (await explained(app, jobId="nobody", rowId="1"))["code"] == -32001


async def test_an_answer_or_a_batch_must_be_named(app: Inside) -> None:
    assert (await explained(app))["code"] == -32602
