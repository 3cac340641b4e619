"""Blind votes on answers, and the board that comes of them."""

from __future__ import annotations

from typing import Any

from tests.helpers.inside import Inside

MODELS = ["openai/gpt-6-luna", "grok/grok-4.7", "anthropic/claude-opus-5-5"]


async def result(app: Inside, method: str, **params: Any) -> Any:
    answer = await app.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def refusal(app: Inside, method: str, **params: Any) -> str:
    return str((await app.ask(method, params))["error"]["data"]["kind"])


async def compared(app: Inside, content: str = "Why?") -> tuple[str, dict[str, Any]]:
    """The project, and a turn with an answer of each model."""
    project = (await result(app, "project:create", name="Votes"))["id"]
    asked = {"conversationId": "talk", "content": content, "modelIds": MODELS}
    return project, await result(app, "chat:compare", **asked)


async def test_a_vote_is_blind_until_it_is_cast_and_then_says_who_it_was(app: Inside) -> None:
    project, turn = await compared(app)
    ballot = await result(app, "compare:ballot", turnId=turn["turnId"])
    assert [each["label"] for each in ballot["answers"]] == ["A", "B", "C"]
    assert all(set(each) == {"label", "text"} for each in ballot["answers"])
    assert await result(app, "compare:votes", projectId=project) == []

    texts = {each["label"]: each["text"] for each in ballot["answers"]}
    vote = await result(app, "compare:vote", ballotId=ballot["ballotId"], winner="B", note="Shorter")
    replies = {each["modelId"]: each["reply"] for each in turn["replies"]}
    for answer in vote["answers"]:
        assert replies[answer["model"]]["answer"] == texts[answer["label"]]
        assert replies[answer["model"]]["costUSD"] == answer["costUSD"]
        assert replies[answer["model"]]["id"] == answer["messageId"]
    assert (vote["winner"], vote["note"], vote["turnId"]) == ("B", "Shorter", turn["turnId"])
    assert await refusal(app, "compare:vote", ballotId=ballot["ballotId"], winner="A") == "conflict"

    [kept] = await result(app, "compare:votes", projectId=project)
    assert kept == vote
    board = await result(app, "compare:board", projectId=project)
    [best, *_] = board["models"]
    won = next(each for each in vote["answers"] if each["label"] == "B")
    assert (board["votes"], best["model"], best["wins"]) == (1, won["model"], 1)
    assert best["usdPerWin"] == won["costUSD"]
    # A vote outlives the answers that it was about.
    await result(app, "conversation:delete", id="talk")
    assert await result(app, "compare:board", projectId=project) == board


async def test_answers_whose_cost_is_not_known_do_not_cost_nothing_on_the_board(app: Inside) -> None:
    project, turn = await compared(app, "Why? [[simulate: cut=9]]")
    messages = await result(app, "messages:list", conversationId="talk")
    replies = {each["model"]: each for each in messages if each["role"] == "assistant"}
    for _ in range(2):
        ballot = await result(app, "compare:ballot", turnId=turn["turnId"])
        vote = await result(app, "compare:vote", ballotId=ballot["ballotId"], winner="A")
    board = (await result(app, "compare:board", projectId=project))["models"]
    for answer in vote["answers"]:
        bounds = [replies[answer["model"]][name] for name in ("costAtLeastUSD", "costAtMostUSD")]
        assert [answer["costAtLeastUSD"], answer["costAtMostUSD"]] == bounds
        [standing] = [each for each in board if each["model"] == answer["model"]]
        assert not {"costUSD", "usdPerWin"} & standing.keys()
        assert standing["uncertainCalls"] == 2
        assert [standing["costAtLeastUSD"], standing["costAtMostUSD"]] == [2 * bound for bound in bounds]


async def test_the_order_is_nobody_s_choice(app: Inside) -> None:
    _, turn = await compared(app)
    seen = set()
    for _ in range(40):
        ballot = await result(app, "compare:ballot", turnId=turn["turnId"])
        seen.add(tuple(each["text"] for each in ballot["answers"]))
    assert len(seen) > 2


async def test_the_answers_to_a_row_s_question_are_voted_on(app: Inside) -> None:
    project = (await result(app, "project:create", name="Votes"))["id"]
    rows = [
        {"id": f"{word}-{number}", "prompt": f"Reply with exactly: {word}", "model": model}
        for word in ("red", "blue")
        for number, model in enumerate(MODELS)
    ]
    job = await result(app, "batch:submit", projectId=project, rows=rows, start=True)
    await app.ended(job["id"])
    ballot = await result(app, "compare:ballot", jobId=job["id"], rowId="blue-1")
    assert [each["text"] for each in ballot["answers"]] == ["blue"] * 3
    vote = await result(app, "compare:vote", ballotId=ballot["ballotId"], winner="tie")
    assert {each["rowId"] for each in vote["answers"]} == {"blue-0", "blue-1", "blue-2"}
    board = await result(app, "compare:board", projectId=project)
    assert [(each["ties"], each["rating"]) for each in board["models"]] == [(1, 1000.0)] * 3


async def test_what_cannot_be_voted_on_is_refused(app: Inside) -> None:
    await result(app, "chat:send", conversationId="one", content="Why?", modelId=MODELS[0])
    [question, _] = await result(app, "messages:list", conversationId="one")
    assert await refusal(app, "compare:ballot", turnId=question["id"]) == "conflict"
    assert await refusal(app, "compare:ballot", turnId="nobody") == "not_found"
    assert await refusal(app, "compare:ballot") == "invalid_params"
    assert await refusal(app, "compare:ballot", jobId="a") == "invalid_params"
    assert await refusal(app, "compare:ballot", jobId="a", rowId="b") == "not_found"
    assert await refusal(app, "compare:vote", ballotId="nobody", winner="A") == "not_found"
    assert await refusal(app, "compare:votes", projectId="nobody") == "not_found"
    _, turn = await compared(app)
    ballot = await result(app, "compare:ballot", turnId=turn["turnId"])
    assert await refusal(app, "compare:vote", ballotId=ballot["ballotId"], winner="D") == "invalid_params"


async def test_differences_of_a_turn(app: Inside) -> None:
    _, turn = await compared(app, "Reply with exactly: The sky is blue. It is day.")
    found = await result(app, "compare:differences", turnId=turn["turnId"])
    assert {each["model"] for each in found["answers"]} == set(MODELS)
    kinds = [each["sharedBy"] for each in found["statements"]]
    assert kinds == ["all", "all"]
    assert await refusal(app, "compare:differences", turnId="nobody") == "not_found"
