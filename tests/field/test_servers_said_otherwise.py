"""Refusals whose words stand in lists, by field or behind a prefix, and whose status says less than their words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.field.hostile import Answer, chat_chunks, head, raw, stream, whole
from tests.field.lab import Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
PLACE = {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required"}


def error(message: Any, status: int, **more: Any) -> Answer:
    return whole({"error": {"message": message, **more}}, status)


WORDS: dict[str, Answer] = {
    "It says: No luck today.": error(["No luck", "today"], 400),
    "It says: en: No luck.": error({"en": "No luck"}, 400),
    "It says: model: is not known.": whole({"errors": {"model": ["is not known"]}}, 400),
    "It says: messages.0.role: Field required.": whole({"detail": [PLACE]}, 422),
    "messages.0.role: Field required": whole(
        {"object": "error", "message": {"detail": [PLACE]}, "type": "invalid_request_error"}, 422
    ),
    "It says: Said in an event.": raw(
        head(400, None, "text/event-stream"),
        b'event: error\ndata: {"error": {"message": "Said in an event"}}\n\n',
    ),
    "It says: Said behind a prefix.": raw(
        head(400, None, "text/plain"), b'Error: {"error": {"message": "Said behind a prefix"}}'
    ),
    "It says: In red letters.": error("\x1b[31mIn red\x1b[0m letters\x07", 400),
    "does not take a request of this size (413)": raw(
        head(413, None, "text/html"), b"<html><title>413 Request Entity Too Large</title></html>"
    ),
}
KINDS: dict[str, tuple[Answer, ...]] = {
    "rate_limited": (
        error("用户额度不足, 剩余额度: $0.00", 403, code="insufficient_user_quota"),
        error("Access denied, please make sure your account is in good standing.", 400, code="Arrearage"),
        error("Your credit balance is too low to access the API.", 400, type="invalid_request_error"),
        error("The free tier of the model has been exhausted.", 403, code="AllocationQuota.FreeTierOnly"),
    ),
    "context_length_exceeded": (
        error("This model's maximum context length is 4096 tokens. However, you requested 5000.", 500),
    ),
    "provider_rejected": (
        whole({"error": "model requires more system memory (5.6 GiB) than is available (3.2 GiB)"}, 500),
    ),
}


async def test_the_words_of_a_refusal_are_repeated_wherever_they_stand(lab: Lab) -> None:
    for words, answer in WORDS.items():
        lab.switch.say(answer)
        assert words in (await refused(lab.process)).message, words
        assert len(lab.switch.asked) == 1, words


async def test_what_is_refused_for_good_is_not_asked_again_whatever_its_status(lab: Lab) -> None:
    for kind, answers in KINDS.items():
        for answer in answers:
            lab.switch.say(answer)
            found = await refused(lab.process)
            assert (found.data["kind"], found.data["retryable"]) == (kind, False), found.message
            assert len(lab.switch.asked) == 1, found.message


async def test_a_server_to_which_it_is_too_early_is_asked_again(lab: Lab) -> None:
    lab.switch.say(whole({"error": "Too early"}, 425, {"retry-after": "0"}), GOOD)
    assert (await lab.process.call("chat:send", {"content": "Why?", "modelId": "lab/m"}))[
        "answer"
    ] == "Good morning"
