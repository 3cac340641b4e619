"""Changing what was said: nothing is lost by it, and nothing is counted twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chat.transfer.test_imports import START, TALK, gpt, tree
from tests.helpers.inside import Inside

MODEL = "openai/gpt-6-luna"
OTHER = "anthropic/claude-opus-5-5"


async def result(app: Inside, method: str, **params: Any) -> Any:
    answer = await app.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def refusal(app: Inside, method: str, **params: Any) -> str:
    return str((await app.ask(method, params))["error"]["data"]["kind"])


async def asked(app: Inside, content: str = "Why is the sky blue?", model: str = MODEL) -> Any:
    return await result(app, "chat:send", conversationId="talk", content=content, modelId=model)


async def said(app: Inside, conversation: str = "talk") -> list[tuple[str, str]]:
    found = await result(app, "messages:list", conversationId=conversation)
    return [(each["role"], each["content"]) for each in found]


async def spent(app: Inside) -> tuple[float, int]:
    stats = await result(app, "activity:stats")
    return stats["totalCost"], sum(each["calls"] for each in stats["byModel"])


async def test_an_edit_keeps_what_was_there_before(app: Inside) -> None:
    await asked(app)
    [question, _] = await result(app, "messages:list", conversationId="talk")
    edited = await result(app, "messages:edit", id=question["id"], content="Why is the sea blue?")
    await result(app, "messages:edit", id=question["id"], content="Why is snow white?")

    assert (edited["content"], edited["versions"], edited["turnId"]) == (
        "Why is the sea blue?",
        1,
        question["id"],
    )
    assert (await said(app))[0] == ("user", "Why is snow white?")
    earlier = await result(app, "messages:versions", id=question["id"])
    assert [each["content"] for each in earlier] == ["Why is the sky blue?", "Why is the sea blue?"]
    hits = await result(app, "messages:search", query="sea")
    assert "Why is the sea blue?" not in [hit["message"]["content"] for hit in hits["items"]]
    assert await refusal(app, "messages:edit", id=question["id"], content=" ") == "invalid_params"
    assert await refusal(app, "messages:edit", id="nobody", content="x") == "not_found"
    assert (await result(app, "activity:stats"))["totalMessages"] == 2


async def test_a_new_answer_takes_the_old_one_s_place_and_both_were_paid(app: Inside) -> None:
    first = await asked(app)
    later = await asked(app, "And at night?")
    [question, *_] = await result(app, "messages:list", conversationId="talk")
    await result(app, "messages:edit", id=question["id"], content="Why is the sea blue?")
    again = await result(app, "messages:regenerate", id=first["id"])

    listed = await result(app, "messages:list", conversationId="talk")
    assert [each["id"] for each in listed] == [question["id"], again["id"], listed[2]["id"], later["id"]]
    assert "Why is the sea blue?" in again["answer"]
    assert listed[1]["versions"] == 1
    [old] = await result(app, "messages:versions", id=again["id"])
    assert (old["id"], old["cost"]) == (first["id"], first["costUSD"])
    total, calls = await spent(app)
    assert calls == 3
    assert abs(total - first["costUSD"] - later["costUSD"] - again["costUSD"]) < 1e-12
    assert await result(app, "cost:explain", messageId=first["id"]) != []


async def test_a_question_can_be_given_to_another_model(app: Inside) -> None:
    await asked(app)
    [question, _] = await result(app, "messages:list", conversationId="talk")
    other = await result(app, "messages:regenerate", id=question["id"], modelId=OTHER)

    listed = await result(app, "messages:list", conversationId="talk")
    assert [each["turnId"] for each in listed] == [question["id"]] * 3
    assert listed[2]["id"] == other["id"]
    assert await refusal(app, "messages:regenerate", id=question["id"]) == "invalid_params"


async def test_a_new_answer_that_fails_leaves_the_old_one(app: Inside) -> None:
    first = await asked(app)
    [question, _] = await result(app, "messages:list", conversationId="talk")
    await result(app, "messages:edit", id=question["id"], content="Go. [[simulate: cut=3]]")
    failed = await app.ask("messages:regenerate", {"id": first["id"]})

    assert "error" in failed
    listed = await result(app, "messages:list", conversationId="talk")
    assert [each["id"] for each in listed] == [question["id"], first["id"]]
    [broken] = await result(app, "messages:versions", id=first["id"])
    assert broken["finishReason"] == "error"


async def test_what_is_deleted_is_gone_and_its_cost_is_not(app: Inside) -> None:
    first = await asked(app)
    await asked(app, "And at night?")
    before = await spent(app)
    [question, _, _, answer] = await result(app, "messages:list", conversationId="talk")
    assert await result(app, "messages:delete", id=answer["id"]) == {"deleted": 1}
    again = await result(app, "messages:regenerate", id=first["id"])
    assert await result(app, "messages:delete", id=question["id"]) == {"deleted": 3}

    assert await said(app) == [("user", "And at night?")]
    total, calls = await spent(app)
    assert (round(total, 12), calls) == (round(before[0] + again["costUSD"], 12), before[1] + 1)
    assert await refusal(app, "messages:delete", id=question["id"]) == "not_found"


async def test_a_question_that_is_being_answered_is_not_deleted(app: Inside) -> None:
    params = {"conversationId": "talk", "content": "Hm. [[simulate: slow_first_ms=60000]]", "modelId": MODEL}
    app.send({"jsonrpc": "2.0", "id": "slow", "method": "chat:send", "params": params})
    while not (work := await result(app, "work:list"))["turns"]:
        pass
    assert await refusal(app, "messages:delete", id=work["turns"][0]["turnId"]) == "conflict"
    await result(app, "chat:abort", conversationId="talk")


async def test_a_fork_goes_on_from_where_it_began_and_costs_nothing(app: Inside) -> None:
    first = await asked(app)
    await asked(app, "And at night?")
    before = await spent(app)
    forked = await result(app, "conversation:fork", id="talk", messageId=first["id"], name="Other way")

    assert await said(app, forked["id"]) == (await said(app))[:2]
    copies = await result(app, "messages:list", conversationId=forked["id"])
    assert [each["copiedFrom"] for each in copies][1] == first["id"]
    assert [each["cost"] for each in copies] == [None, None]
    assert copies[1]["turnId"] == copies[0]["id"]
    assert await spent(app) == before
    await result(app, "chat:send", conversationId=forked["id"], content="And at noon?", modelId=MODEL)
    assert len(await said(app, forked["id"])) == 4
    assert len(await said(app)) == 4
    assert await refusal(app, "conversation:fork", id="talk", messageId="nobody") == "not_found"
    assert await refusal(app, "conversation:fork", id="nobody") == "not_found"


async def test_the_chat_obeys_what_its_project_is_asked_with(app: Inside) -> None:
    chat = {"systemPrompt": "You are terse.", "maxOutputTokens": 77}
    project = await result(app, "project:create", name="Terse", chat=chat)
    assert project["chat"] == chat
    assert (await result(app, "project:list"))[0]["chat"] == chat

    async def prompt_tokens(**given: Any) -> int:
        reply = await result(app, "chat:send", content="Hello there", modelId=MODEL, **given)
        return int(reply["promptTokens"])

    plain = await prompt_tokens()  # a row of a batch is in no conversation
    obeying = await prompt_tokens(conversationId="one")
    assert obeying > plain
    assert await prompt_tokens(conversationId="two", systemPrompt="You are terse.") == obeying
    assert await prompt_tokens(conversationId="three", options={"systemPrompt": ""}) == plain
    await result(app, "project:update", id=project["id"], chat={})
    assert await prompt_tokens(conversationId="four") == plain
    assert "chat" not in await result(app, "project:get", id=project["id"])
    wrong = {"id": project["id"], "chat": {"temperature": "warm"}}
    assert (await app.ask("project:update", wrong))["error"]["data"]["kind"] == "invalid_params"


async def test_what_is_exported_as_json_can_be_taken_over(app: Inside, tmp_path: Path) -> None:
    project = (await result(app, "project:create", name="First"))["id"]
    first = await asked(app)
    [question, _] = await result(app, "messages:list", conversationId="talk")
    await result(app, "messages:edit", id=question["id"], content="Why is the sea blue?")
    path = str(tmp_path.with_name(f"{tmp_path.name}-talk.json"))
    written = await result(app, "conversation:export", projectId=project, path=path, format="json")
    assert (written["path"], written["conversations"], written["messages"]) == (path, 1, 2)
    assert json.loads(Path(path).read_text("utf-8"))["format"] == "abai-conversations"

    other = (await result(app, "project:create", name="Other"))["id"]
    before = await spent(app)
    taken = await result(app, "conversation:import", projectId=other, path=path)
    assert taken == {"service": "abai", "conversations": 1, "messages": 3, "known": 0, "problems": []}
    [copy] = await result(app, "conversation:list", projectId=other)
    listed = await result(app, "messages:list", conversationId=copy["id"])
    assert [each["content"] for each in listed] == ["Why is the sea blue?", first["answer"]]
    [earlier] = await result(app, "messages:versions", id=listed[0]["id"])
    assert earlier["content"] == "Why is the sky blue?"
    assert await spent(app) == before
    taken = await result(app, "conversation:import", projectId=other, path=path)
    assert (taken["conversations"], taken["known"]) == (0, 1)


async def test_markdown_is_for_reading(app: Inside) -> None:
    reply = await asked(app)
    exported = await result(app, "conversation:export", id="talk", format="markdown")

    assert exported["messages"] == 2
    assert exported["text"].startswith("# Why is the sky blue?\n\n## You · ")
    assert f"\n\n{reply['answer']}\n" in exported["text"]
    assert f"## {reply['provider']} · " in exported["text"]
    assert await refusal(app, "conversation:export", format="json") == "invalid_params"
    assert await refusal(app, "conversation:export", id="nobody", format="json") == "not_found"


async def test_a_conversation_of_chatgpt_is_gone_on_with(app: Inside, tmp_path: Path) -> None:
    project = (await result(app, "project:create", name="First"))["id"]
    empty = tree(*START, leaf="root", title="Nothing")
    long = tree(
        *START,
        gpt("q", "hidden", "user", "What is the secret word?"),
        gpt("a", "q", "assistant", "The secret word is rhubarb, " * 40, metadata={"model_slug": "gpt-4o"}),
        leaf="a",
        title=None,
    )
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([TALK, empty, {**long, "id": "long"}]), "utf-8")
    taken = await result(app, "conversation:import", projectId=project, path=str(path))

    assert {name: taken[name] for name in ("service", "conversations", "messages", "known")} == {
        "service": "chatgpt",
        "conversations": 2,
        "messages": 4,
        "known": 0,
    }
    assert [each["number"] for each in taken["problems"]] == [2]
    names = {each["name"]: each["id"] for each in await result(app, "conversation:list", projectId=project)}
    assert set(names) == {"Sky", "What is the secret word?"}
    # Whoever is asked now is told what was answered there.
    more = {"conversationId": names["What is the secret word?"], "content": "Again?", "modelId": OTHER}
    assert (await result(app, "chat:send", **more))["promptTokens"] > 200
    assert (await app.ask("conversation:import", {"projectId": "nobody", "path": str(path)}))["error"][
        "data"
    ]["kind"] == "not_found"
