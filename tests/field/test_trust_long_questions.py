"""A question of twenty megabytes: it is asked, and nobody else waits for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import MODEL, ask, conversation, own_models, sidecar

ANSWER = stream(*chat_chunks("Good morning"), "[DONE]")
BYTES = 20_000_000
# Of the loop's own work, whatever else the machine does: the text is read, and written out, in one step each.
MOST_MS = 250
HELD = re.compile(r"the loop was held for [\d.]+ ms, ([\d.]+) of them by its own work: (.*)")


@pytest.mark.parametrize("words", ["A word, and another one. ", "Слово и ещё, одно. "])
async def test_a_question_of_twenty_megabytes_is_asked_and_holds_nobody_up(
    words: str, tmp_path: Path
) -> None:
    content = words * (BYTES // len(words.encode()))
    async with (
        serving(ANSWER) as server,
        sidecar(
            tmp_path,
            models=own_models(server.url, model={"contextSize": 100_000_000}),
            environment={"ABAI_SLOW_CALLBACK_MS": "50"},
        ) as process,
    ):
        asked = {"conversationId": await conversation(process)}
        assert (await ask(process, content, MODEL, **asked))["answer"] == "Good morning"
        assert (await ask(process, "And then?", MODEL, **asked))["answer"] == "Good morning"
        sent = [each["content"] for each in server.asked[-1].json["messages"]]
        assert (sent[0], sent[-1]) == (content, "And then?")
        held = [HELD.search(line) for line in process.stderr]
    assert [found[0] for found in held if found and float(found[1]) > MOST_MS] == []
