"""A conversation that is too long, and credit or a budget that is gone, in the words of servers and gateways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, serving, stream, whole
from tests.field.lab import MODEL, Lab, own_models, project, refused, sidecar
from tests.field.vendors import ended, rows

TOO_LONG = (
    (400, "Prompt length 5000 is greater than max_seq_len 4096"),
    (400, "Prompt length (5000) exceeds maximum input length (4096)"),
    (400, "input token length exceed session_len"),
    (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000."),
    (400, "prompt token count of 132000 exceeds the limit of 128000"),
    (413, "Request body too large for gpt-4o model. Max size: 8000 tokens."),
    (400, "This model's maximum prompt length is 131072 but the request contains 150000 tokens."),
    (422, "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000"),
    (400, "Input is longer than the maximum allowed number of tokens"),
    (400, "tokens in request more than max tokens allowed"),
    (400, "Your request exceeded model token limit: 8192 (requested: 9000)"),
    (400, "prompt exceeds max length"),
    (500, "Prompt is longer than n_ctx"),
    (400, "Message is too long for this model"),
    (400, "Prompt tokens (5000) must be <= 4096"),
    (400, "Token limit exceeded"),
    (422, "Error: token limit reached."),
    (500, "Token limit exceeded"),
    (400, "Please reduce the length of the messages or completion."),
    (400, "The conversation is too long"),
    (400, "The message you submitted was too long, please submit something shorter."),
    (400, "context_overflow"),
    (400, "prompt is too large"),
    (400, "Sequence length 5000 exceeds maximum sequence length 4096"),
    (400, "Maximum number of tokens exceeded"),
    (400, "max tokens exceeded: prompt has 5000 tokens"),
    (400, "prompt tokens 5000 > 4096"),
    (400, "Prompt exceeds the model's context"),
    (400, "输入内容过长"),
    (400, "超出最大上下文长度"),
)
# These are about the answer, or about something else.
NOT_TOO_LONG = (
    (400, "max_tokens (9000) exceeds the maximum of 8192 output tokens for this model"),
    (400, "The requested output tokens exceed the maximum of this model"),
    (400, "The schema name is too long"),
    (400, "too many tokens per minute"),
    (403, "Daily token limit exceeded"),
    (400, "User token limit exceeded for this month"),
    (400, "tool name is too long"),
    (400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"),
)
USED_UP = (
    (400, "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0"),
    (429, "Budget has been exceeded! Team=t Current cost: 1.2, Max budget: 1.0"),
    (400, "ExceededBudget: User=default over budget. Spend=1.1, Budget=1.0"),
    (403, "Key limit exceeded (total limit). Manage it in the settings of your keys."),
    (403, "Your team has used all available credits or reached its monthly spending limit."),
    (403, "This API key has reached its spend limit"),
    (400, "You have reached your specified API usage limits. You will regain access on 2026-12-01."),
    (
        429,
        "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01.",
    ),
    (429, "This workspace has hit its specified usage limit."),
    (401, "该令牌额度已用尽"),
    (412, "Account is suspended, possibly due to reaching the monthly spending limit."),
)


def error(status: int, words: str) -> Answer:
    return whole({"error": {"message": words, "code": str(status)}}, status)


@field("servers", "a prompt that is too long, in the words of TabbyAPI")
@pytest.mark.asyncio(loop_scope="module")
async def test_a_conversation_that_is_too_long_is_said_to_be_in_whatever_words_it_is_refused(
    lab: Lab,
) -> None:
    for status, words in TOO_LONG:
        lab.switch.say(error(status, words))
        assert (await refused(lab.process)).data["kind"] == "context_length_exceeded", words
    for status, words in NOT_TOO_LONG:
        lab.switch.say(error(status, words))
        assert (await refused(lab.process)).data["kind"] != "context_length_exceeded", words


@field("servers", "400 `Budget has been exceeded`")
@pytest.mark.asyncio(loop_scope="module")
async def test_a_budget_or_credit_that_is_gone_is_no_refusal_of_the_key_and_not_asked_again(lab: Lab) -> None:
    for status, words in USED_UP:
        lab.switch.say(error(status, words))
        found = await refused(lab.process)
        assert (found.data["kind"], found.data["retryable"]) == ("rate_limited", False), words
        assert "credit or spending limit" in found.message
        assert len(lab.switch.asked) == 1
    assert lab.process.notifications["settings:invalidKey"].empty()


@field("servers", "the same in the middle of a local batch")
@pytest.mark.parametrize(("status", "words"), [USED_UP[0], USED_UP[3]])
async def test_a_batch_whose_gateway_is_over_budget_stops_and_keeps_its_rows(
    status: int, words: str, tmp_path: Path
) -> None:
    answered = 0

    def until_it_is_spent(asked: Asked) -> Answer:
        nonlocal answered
        answered += 1
        return stream(*chat_chunks("Good morning"), "[DONE]") if answered <= 3 else error(status, words)

    async with (
        serving(until_it_is_spent) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        given = [{"prompt": f"Row {number}", "model": MODEL} for number in range(40)]
        params = {"projectId": await project(process), "rows": given, "start": True}
        job_id = (await process.call("batch:submit", params))["id"]
        found = await ended(process, job_id)
        assert (found["status"], found["completedRows"], found["failedRows"]) == ("failed", 3, 0)
        assert words.rstrip(".") in found["error"]
        assert [row["status"] for row in await rows(process, job_id)].count("pending") == 37
