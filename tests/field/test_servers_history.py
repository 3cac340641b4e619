"""Turns as every server takes them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, serving, stream, whole
from tests.field.lab import ask, conversation, own_models, refused, sidecar

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


def strict(asked: Asked) -> Answer:
    """Refuses two neighbours of one role, as the templates of many models do, and a question that says so."""
    sent = asked.json["messages"]
    roles = [message["role"] for message in sent]
    if any(first == second for first, second in itertools.pairwise(roles)):
        return whole({"error": {"message": "roles must alternate"}}, 400)
    if sent[-1]["content"] == "Fail":
        return whole({"error": {"message": "no"}}, 400)
    return GOOD


@field("servers", "a model whose server answers 400 to two neighbours of one role")
@field("servers", "the same model joins a conversation that another model answered so far")
@field("servers", "the same, but the server says 500 for it")
async def test_questions_that_follow_each_other_are_one(tmp_path: Path) -> None:
    async with serving(strict) as server:
        models = own_models(server.url)
        models["models"].append({**models["models"][0], "id": "n", "name": "N"})
        async with sidecar(tmp_path, models=models) as process:
            talk = await conversation(process)
            await refused(process, "Fail", conversationId=talk)
            assert (await ask(process, "And now?", conversationId=talk))["answer"] == "Good morning"
            assert (await ask(process, "You?", "lab/n", conversationId=talk))["answer"] == "Good morning"
            assert len(server.asked) == 3
            assert "And now?" in json.dumps(server.asked[-1].json)
