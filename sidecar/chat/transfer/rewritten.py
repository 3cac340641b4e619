"""Histories that other programs keep in shapes of their own, in the form that `messages` reads (pure).

Google AI Studio, a file of its in Google Drive: {"runSettings": {"model"}, "chunkedPrompt": {"chunks": [{"text",
"role": "user" | "model", "isThought", "driveDocument" | "driveImage" | "inlineFile"}]}}. Character.AI as its page is
given it: {"turns": [{"turn_key": {"chat_id"}, "author": {"name", "is_human"}, "create_time", "candidates":
[{"candidate_id", "raw_content"}], "primary_candidate_id"}]}, the newest first; as it was before: {"info", "histories":
{"histories": [{"external_id", "msgs": [{"src": {"is_human"}, "text", "created"}]}]}}. The chat of Visual Studio Code,
"Export Chat": {"requests": [{"message": {"text"}, "response": [{"value"}], "timestamp", "modelId"}]}. The web interface
for text generation: {"internal": [[question, answer]], "visible": [[question, answer]]}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sidecar.chat.transfer.messages import MARK
from sidecar.chat.transfer.values import a_list, a_text, an_object, joined, moment, named_files

_FILES = (
    "driveDocument",
    "driveImage",
    "driveVideo",
    "driveAudio",
    "inlineFile",
    "inlineImage",
    "youtubeVideo",
)
# What stands in the place of the first question where the model begins.
_NOT_ASKED = "<|BEGIN-VISIBLE-CHAT|>"

Document = Mapping[str, Any]


def conversations_in(document: Document) -> list[Any] | None:
    """Return the conversations of such a file, None for any other."""
    return next((found for read in _READERS if (found := read(document)) is not None), None)


def _ai_studio(document: Document) -> list[Any] | None:
    chunks = an_object(document.get("chunkedPrompt")).get("chunks")
    if not isinstance(chunks, list):
        return None
    said: list[dict[str, Any]] = []
    for chunk in map(an_object, chunks):
        text = a_text(chunk.get("text"))
        files = [_file(name, chunk[name]) for name in _FILES if name in chunk]
        told = {
            "role": chunk.get("role"),
            "content": joined([*files, text]),
            "createTime": chunk.get("createTime"),
        }
        said.append({**told, "content": "", "thinking": text} if chunk.get("isThought") else told)
    model = a_text(an_object(document.get("runSettings")).get("model")).removeprefix("models/")
    return [{"messages": said, "model": f"gemini/{model}" if model else None, "title": document.get("title")}]


def _file(kind: str, told: Any) -> str:
    named = named_files([told])[0]
    plain = kind.removeprefix("drive").removeprefix("inline").removesuffix("Video").casefold()
    return f"[{plain or 'video'}]" if named == "[file]" else named


def _character_turns(document: Document) -> list[Any] | None:
    turns = [an_object(each) for each in a_list(document.get("turns"))]
    if not any(isinstance(each.get("candidates"), list) for each in turns):
        return None
    times = [moment(turn.get("create_time")) for turn in turns]
    if all(times):
        turns = [turns[place] for place in sorted(range(len(turns)), key=lambda place: times[place] or 0)]
    said: list[dict[str, Any]] = []
    before: str | None = None
    name = ""
    for turn in turns:
        author = an_object(turn.get("author"))
        is_human = author.get("is_human") is True
        name = name or ("" if is_human else a_text(author.get("name")))
        candidates = [an_object(each) for each in a_list(turn.get("candidates"))]
        shown = a_text(turn.get("primary_candidate_id")) or a_text(
            next(iter(candidates), {}).get("candidate_id")
        )
        for each in sorted(candidates, key=lambda one: one.get("candidate_id") == shown):
            said.append(
                {
                    "id": each.get("candidate_id"),
                    "parent": before,
                    "is_human": is_human,
                    "text": a_text(each.get("raw_content")),
                    "create_time": turn.get("create_time"),
                }
            )
        before = shown or before
    chat = document.get("chat_id") or an_object(next(iter(turns), {}).get("turn_key")).get("chat_id")
    return [{"messages": said, "id": chat, "title": document.get("title") or name, "currentId": before}]


def _character_histories(document: Document) -> list[Any] | None:
    inside = next((each for each in map(an_object, document.values()) if "histories" in each), document)
    held = inside.get("histories")
    talks = a_list(an_object(held).get("histories")) or a_list(held)
    if not any(isinstance(an_object(each).get("msgs"), list) for each in talks):
        return None
    info = an_object(document.get("info")) or an_object(inside.get("info"))
    name = a_text((an_object(info.get("character")) or info).get("name"))
    return [
        {
            "title": name,
            "id": talk.get("external_id"),
            "messages": talk.get("msgs"),
            "created": talk.get("created"),
        }
        for talk in map(an_object, talks)
    ]


def _editor_chat(document: Document) -> list[Any] | None:
    requests = [an_object(each) for each in a_list(document.get("requests"))]
    if not any(isinstance(each.get("response"), list) and "message" in each for each in requests):
        return None
    said: list[dict[str, Any]] = []
    for asked in requests:
        at, message = asked.get("timestamp"), asked.get("message")
        files = named_files(an_object(asked.get("variableData")).get("variables"))
        question = a_text(an_object(message).get("text")) or a_text(message)
        said.append({"role": "user", "content": joined([*files, question]), "timestamp": at})
        answer = "".join(filter(None, map(_shown, a_list(asked.get("response")))))
        said.append({"role": "assistant", "content": answer, "timestamp": at, "model": asked.get("modelId")})
    name = document.get("customTitle") or document.get("title")
    return [{"messages": said, "id": document.get("sessionId"), "title": name}]


def _shown(part: Any) -> str:
    """The words of a piece of an answer; what its tools did has a kind."""
    part = an_object(part)
    value = part.get("value")
    text = (
        a_text(an_object(part.get("content")).get("value"))
        or a_text(an_object(value).get("value"))
        or a_text(value)
    )
    return text if part.get("kind") in (None, "markdownContent") else ""


def _pairs(document: Document) -> list[Any] | None:
    pairs = document.get("internal")
    if not isinstance(pairs, list) or not isinstance(document.get("visible"), list):
        return None
    return [{"messages": list(_said_in(pairs))}]


def _said_in(pairs: list[Any]) -> Iterator[dict[str, Any]]:
    for pair in pairs:
        for role, text in zip(("user", "assistant"), a_list(pair), strict=False):
            if isinstance(text, str) and text != _NOT_ASKED:
                yield {"role": role, "content": text}


def _listed(document: Document) -> list[Any] | None:
    """What OpenAI's interface lists of a thread or a conversation: {"object": "list", "data": [{"role", "content"}]}.

    The newest comes first, unless it was asked otherwise; some have no times.
    """
    listed = [an_object(each) for each in a_list(document.get("data"))]
    if document.get("object") != "list" or not any("role" in each for each in listed):
        return None
    said = [each for each in listed if "role" in each]
    if not any("created_at" in each for each in said) and _begins_with_answer(said):
        said.reverse()
    key = next((a_text(each.get("thread_id")) for each in said if each.get("thread_id")), None)
    return [{MARK: said, "id": key}]


def _begins_with_answer(said: list[Any]) -> bool:
    return (said[0].get("role"), said[-1].get("role")) == ("assistant", "user")


_READERS: tuple[Callable[[Document], list[Any] | None], ...] = (
    _ai_studio,
    _character_turns,
    _character_histories,
    _editor_chat,
    _pairs,
    _listed,
)
