"""What was asked of a model's interface, with what it answered beside, as one conversation (pure).

Logs and consoles keep the two apart: OpenAI's stored completions ({"messages", "choices"}), its Responses
({"input", "output"}), proxies ({"request": {"messages"}, "response": {…}}), and traces of Langfuse and LangSmith
({"inputs": {"messages"}, "outputs": {…}}). The answer is in the words of OpenAI, Anthropic, Gemini, or a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.chat.transfer.values import a_list, a_text, an_object, joined

_ASKED_IN = ("request", "body", "params", "kwargs", "inputs", "input")
_QUESTIONS = ("messages", "contents", "input", "prompt")
_ANSWERS = ("response", "choices", "candidates", "output", "outputs", "completion", "result")
_MODEL = frozenset({"assistant", "model"})
_TOLD = ("model", "created", "created_at", "timestamp", "title", "name")


def as_conversation(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record with its answers behind its messages; as it is where it is no such call."""
    told = {name for name in _ANSWERS if name in record}
    if not told:
        return record
    asked = next((inner for name in _ASKED_IN if _said(inner := an_object(record.get(name)))), record)
    said = _said(asked)
    if asked is record and len(said) == 1 and any(isinstance(record[name], str) for name in told):
        # A question and its answer, which may belong with others to a conversation.
        return record
    answers = [each for name in _ANSWERS if name in told for each in _answers(name, record[name])]
    if not said or not answers or said[-1].get("role") in _MODEL:
        return record
    # The first is what was shown; others stand beside it.
    last = {**said[-1], "id": a_text(said[-1].get("id")) or "asked"}
    beside = [{"id": f"answer-{place}", **each, "parent": last["id"]} for place, each in enumerate(answers)]
    found = {name: asked[name] for name in _TOLD if name in asked}
    kept = {name: value for name, value in record.items() if name not in (*_ASKED_IN, *_ANSWERS, *_QUESTIONS)}
    return {**found, **kept, "messages": [*said[:-1], last, *beside], "currentId": beside[0]["id"]}


def _said(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    for name in _QUESTIONS:
        held = asked.get(name)
        if isinstance(held, str) and held.strip() and name in ("input", "prompt"):
            return [{"role": "user", "content": held}]
        # What a tool said stands among them without a role.
        if isinstance(held, list) and any("role" in an_object(each) for each in held):
            return [dict(each) for each in held if isinstance(each, dict) and "role" in each]
    return []


def _answers(name: str, told: Any) -> Iterator[dict[str, Any]]:
    """The answers in the member of this name, each as a message."""
    if isinstance(told, str):
        if told.strip() and name != "result":
            yield {"role": "assistant", "content": told}
    elif name in ("choices", "candidates"):
        for each in map(an_object, a_list(told)):
            message = an_object(each.get("message")) or an_object(each.get("content"))
            yield {**(message or {"content": a_text(each.get("text"))}), "role": "assistant"}
    elif isinstance(told, list):
        yield from _of_items(told)
    elif an_object(told).get("role") in _MODEL:
        yield {**_without_numbers(told), "role": "assistant"}
    else:
        inner = next(
            (word for word in (*_ANSWERS, "body", "message", "text", "answer") if an_object(told).get(word)),
            "",
        )
        if inner:
            model = {"model": told["model"]} if a_text(told.get("model")) else {}
            yield from ({**model, **each} for each in _answers(inner, told[inner]))


def _of_items(items: list[Any]) -> Iterator[dict[str, Any]]:
    """The one answer in the items of OpenAI's Responses: its words, and what was thought before them."""
    told = [an_object(each) for each in items]
    words = [part for each in told if each.get("role") in _MODEL for part in _parts(each.get("content"))]
    thought = [a_text(an_object(part).get("text")) for each in told for part in a_list(each.get("summary"))]
    if words:
        yield {"role": "assistant", "content": words, "reasoning": joined(thought)}


def _parts(content: Any) -> list[Any]:
    return [content] if isinstance(content, str) else a_list(content)


def _without_numbers(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of Anthropic's whose `type` is "message", which says nothing of who speaks."""
    return {name: value for name, value in message.items() if name != "type"}
