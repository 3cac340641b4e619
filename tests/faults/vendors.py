"""Each vendor, and a server of the person's own, misbehaves in the ways that were seen; then it is good again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.fault import Counts, Fault
from tests.faults.stand import KEY, secrets_out
from tests.field.hostile import (
    Answer,
    Asked,
    HostileServer,
    chat_chunks,
    claude_events,
    event,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import ask, conversation, messages, own_models, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

MODELS = (
    "openai/gpt-4o",
    "anthropic/claude-sonnet-5",
    "gemini/gemini-3.8-flash",
    "grok/grok-4.3",
    "lab/m",
)
BEGUN = "Good morning"
LONG = "word " * 12_000
# Enough for every bound on a stream; the client is long gone by then.
ENDLESS = 20_000


def events(asked: Asked, text: str) -> list[dict[str, Any]]:
    """A whole answer in the protocol of the vendor that was asked, its text in one event."""
    if asked.path.endswith("/messages"):
        return list(claude_events(text))
    if "generateContent" in asked.path or "GenerateContent" in asked.path:
        parts = {"content": {"role": "model", "parts": [{"text": text}]}}
        return [{"candidates": [parts]}, {"candidates": [{**parts, "content": {}, "finishReason": "STOP"}]}]
    return list(chat_chunks(text))


def beginning(asked: Asked, text: str) -> list[dict[str, Any]]:
    """The same up to its text."""
    whole_answer = events(asked, text)
    return whole_answer[: 1 + next(at for at, each in enumerate(whole_answer) if text[:20] in str(each))]


def good(asked: Asked) -> Answer:
    return stream(*events(asked, BEGUN))


def cut(asked: Asked) -> Answer:
    return stream(*beginning(asked, BEGUN))


def error_in_200(asked: Asked) -> Answer:
    words = {"code": 500, "type": "api_error", "status": "INTERNAL", "message": f"Broken for {KEY}"}
    return stream(*beginning(asked, BEGUN), {"type": "error", "error": words})


def endless(asked: Asked) -> Answer:
    *before, text = map(event, beginning(asked, LONG))
    return Answer([head(200, {}, "text/event-stream"), *before, *[text] * ENDLESS])


def hang(asked: Asked) -> Answer:
    del asked
    return raw(keep_open=True)


def web_page(asked: Asked) -> Answer:
    del asked
    return whole(f"<html><body>Sign in to go on. {KEY}</body></html>")


async def misbehaving(
    way: Callable[[Asked], Answer], ends: str, words: str, folder: Path, number: int
) -> Counts:
    """Ask each vendor, and again once all are good. `ends` and `words` are what `first` is to find."""
    del number
    good_again = asyncio.Event()
    counts = Counts()
    async with serving(lambda asked: good(asked) if good_again.is_set() else way(asked)) as server:
        environment = vendor_environment(
            server.url, *(model.partition("/")[0] for model in MODELS[:-1]), key=KEY
        )
        environment["LAB_API_KEY"] = KEY
        models = own_models(server.url, keyRequired=True)
        async with sidecar(folder, models=models, environment=environment, deadline=60) as process:
            talks = {model: await conversation(process) for model in MODELS}
            for model, talk in talks.items():
                counts.times += 1
                stop_at = counts.times if way is hang else None
                ended, sentence = await first(process, server, model, talk, stop_at)
                assert (ended, words in sentence) == (ends, True), (model, ended, sentence)
                assert (await process.call("system:health"))["status"] == "ok"
            good_again.set()
            for model, talk in talks.items():
                assert (await ask(process, f"Again, {model}?", model, conversationId=talk))["answer"] == BEGUN
                kept = [message["content"] for message in await messages(process, talk)]
                told = [f"Why, {model}?", f"Again, {model}?", BEGUN]
                counts.kept += len(told)
                counts.lost += sum(text not in kept for text in told)
            sent = Counter(asked.body for asked in server.asked)
            counts.paid = sent.total()
            counts.paid_twice = sum(times - 1 for times in sent.values())
            counts.secrets = secrets_out(process, folder)
    return counts


async def first(
    process: SidecarProcess, server: HostileServer, model: str, talk: str, stop_at: int | None
) -> tuple[str, str]:
    """Return how the answer ended, its finish or its error's kind, and what the error says.

    A person stops it at that request to the server.
    """
    question = {"content": f"Why, {model}?", "modelId": model, "conversationId": talk}
    asking = process.start_call("chat:send", {**question, "options": {"maxOutputTokens": 200}})
    if stop_at is not None:
        await server.requests(stop_at)
        await process.call("system:health")
        await process.call("chat:abort", {"conversationId": talk})
    try:
        return str((await process.result(asking))["finishReason"]), ""
    except RpcError as error:
        return str(error.data["kind"]), error.message + str(error.data.get("detail"))


FAULTS = [
    Fault(name, happened, partial(misbehaving, way, ends, words))
    for name, way, ends, words, happened in (
        (
            "stream cut",
            cut,
            "provider_unavailable",
            "may have charged",
            "an error that says what may have been charged; not sent again",
        ),
        (
            "error inside a 200",
            error_in_200,
            "provider_unavailable",
            "Broken for",
            "an error with the vendor's words, without the key in them; not sent again",
        ),
        ("endless stream", endless, "length", "", "ended at the maximum that was asked for"),
        ("hang", hang, "cancelled", "", "stopped by the person at once; health answers meanwhile"),
        (
            "web page in place of an answer",
            web_page,
            "provider_rejected",
            "answers with a web page",
            "an error that says where to look; not sent again",
        ),
    )
]
