"""Objects in the shapes that vendors' batches, chats and test tables have, as the fields of a row (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.batch import template
from sidecar.batch.files import no_rows
from sidecar.batch.files.columns import BadRow

Shaped = tuple[dict[str, Any], dict[str, Any]]
_SYSTEM = frozenset({"system", "developer"})
_USER = frozenset({"user", "human"})
_MODEL = frozenset({"assistant", "model", "gpt", "bot"})


def shaped(record: Mapping[str, Any]) -> Shaped | None:
    """Return (fields, data) of an object in a well-known shape, None for any other. Raise BadRow.

    Known are lines of OpenAI's, Anthropic's, Gemini's, xAI's, Vertex AI's and Bedrock's batches, chats with their
    `messages`, `contents` or `conversations`, questions in turns, and tests of promptfoo.
    """
    if (told := no_rows.why_none(record)) is not None:
        raise BadRow(told)
    body = _body(record)
    if body and str(record.get("url") or "").endswith(_NO_QUESTIONS):
        raise BadRow(f"This row goes to {record['url']}, which answers no question. Give rows of chats.")
    if body and any(name in body for name in ("messages", "contents", "input", "prompt")):
        fields, data = _call(body)
        beside = _mapping(record, "metadata") or {}
        ids = (*(record.get(name) for name in _IDS), beside.get("key"))
        named = next((each for each in ids if isinstance(each, str)), None)
        return {**fields, **({"id": named} if named is not None else {})}, data
    if any(isinstance(record.get(name), list) for name in ("messages", "contents", "conversations")):
        fields, data = _call(record)
        if isinstance(record.get("id"), str):
            fields["id"] = record["id"]
        beside = {name: value for name, value in record.items() if name not in _TAKEN and name != "id"}
        if beside and not data:
            # The question is no template for what stands beside it.
            fields |= {
                name: template.escape(fields[name])
                for name in ("prompt", "system")
                if isinstance(fields.get(name), str)
            }
        return fields, {**beside, **data}
    if any(_is_conversation(record.get(name)) for name in ("prompt", "input")):
        # What stands beside it, such as the answer that was wanted, is data.
        fields, data = _call({name: record.get(name) for name in ("prompt", "input") if record.get(name)})
        fields = {name: value for name, value in fields.items() if value is not None}
        if isinstance(record.get("id"), str):
            fields["id"] = record["id"]
        asked = ("prompt", "input", *(("id",) if "id" in fields else ()))
        return fields, {**{name: each for name, each in record.items() if name not in asked}, **data}
    if (turns := turns_of(record)) and "prompt" not in record:
        others = {f"turn_{number}": turn for number, turn in enumerate(turns[1:], start=2)}
        kept = {
            name: value for name, value in record.items() if name not in ("turns", "id", "model", "system")
        }
        fields = {name: record[name] for name in ("id", "model", "system") if name in record}
        return {**fields, "prompt": template.escape(turns[0])}, {**kept, **others}
    if isinstance(record.get("vars"), Mapping) and "prompt" not in record:
        return {}, dict(record["vars"])
    return None


_IDS = ("custom_id", "key", "id", "batch_request_id", "recordId")
# Where a vendor's own endpoint gives something else than words.
_NO_QUESTIONS = ("/embeddings", "/moderations", "/images/generations", "/images/edits", "/audio/speech")


def _body(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a line of a batch asks its vendor for."""
    asked = _mapping(record, "batch_request") or {}
    inside = (_mapping(asked, name) for name in ("chat_get_completion", "responses"))
    found = (_mapping(record, name) for name in ("body", "params", "request", "modelInput"))
    return next(filter(None, (*found, *inside)), None)


def turns_of(record: Mapping[str, Any]) -> Sequence[str]:
    """Return the questions of a record that asks one after the other, as sets of questions for assistants do."""
    turns = record.get("turns")
    return turns if isinstance(turns, list) and turns and all(isinstance(each, str) for each in turns) else ()


def _is_conversation(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, Mapping) and ("role" in each or "from" in each) for each in value)
    )


def _call(body: Mapping[str, Any]) -> Shaped:
    """A vendor's request. What it asks for beyond a row's fields is not taken."""
    turns = next((body[name] for name in ("messages", "contents", "conversations") if name in body), None)
    fields: dict[str, Any] = {}
    if turns is None:
        turns = body.get("input", body.get("prompt"))
        turns = [{"role": "user", "content": turns}] if isinstance(turns, str) else turns
    system = [_text(body[name]) for name in ("system", "instructions", *_GEMINI_SYSTEM) if body.get(name)]
    prompt, more, answer = _conversation(turns)
    fields["prompt"] = prompt
    fields["model"] = body.get("model")
    if texts := [*system, *more]:
        fields["system"] = "\n\n".join(texts)
    config = _mapping(body, "generationConfig") or _mapping(body, "generation_config") or {}
    for field, names in _OPTIONS.items():
        fields[field] = next((each[name] for each in (body, config) for name in names if name in each), None)
    fields |= _wanted_json(body, config)
    if answer is None:
        return fields, {}
    # The answer that was given then is data; the question is no template for that.
    fields["prompt"] = template.escape(prompt)
    if "system" in fields:
        fields["system"] = template.escape(fields["system"])
    return fields, {"answer": answer}


def _wanted_json(body: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says of JSON, in the words of any of the vendors."""
    fields: dict[str, Any] = {}
    if "json" in str(config.get("responseMimeType") or config.get("response_mime_type") or ""):
        fields["jsonMode"] = True
        found = (_mapping(config, name) for name in _GEMINI_SCHEMAS)
        fields["jsonSchema"] = next(filter(None, found), None)
    for place in ("text", "output_config", ""):
        around = (_mapping(body, place) or {}) if place else body
        wanted = next(filter(None, (_mapping(around, name) for name in _FORMATS)), {})
        if wanted.get("type") in ("json_object", "json_schema"):
            fields["jsonMode"] = True
            fields["jsonSchema"] = (_mapping(wanted, "json_schema") or wanted).get("schema")
    return fields


def left_out(record: Mapping[str, Any]) -> list[str]:
    """Return what a line of a vendor's batch asks for and a row has no place for."""
    return [name for name in _body(record) or {} if name not in _TAKEN]


_GEMINI_SCHEMAS = ("responseJsonSchema", "response_json_schema", "responseSchema", "response_schema")
_FORMATS = ("response_format", "format", "output_format")
_GEMINI_SYSTEM = ("systemInstruction", "system_instruction")
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "maxOutputTokens": ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"),
    "temperature": ("temperature",),
}
# What a row has a place for, or what says nothing of the answer.
_TAKEN = frozenset(
    {
        *("messages", "contents", "conversations", "input", "prompt", "model", "system", "instructions"),
        *("generationConfig", "generation_config", "text", "output_config", "stream", "stream_options"),
        *("store", "metadata", "user", *_GEMINI_SYSTEM, *_FORMATS),
        *(name for names in _OPTIONS.values() for name in names),
    }
)


def _conversation(turns: Any) -> tuple[str, list[str], str | None]:
    """The one question of a conversation, its system prompts, and the answer that follows."""
    system: list[str] = []
    asked: list[str] = []
    answer: str | None = None
    for turn in turns if isinstance(turns, Sequence) and not isinstance(turns, str) else ():
        if not isinstance(turn, Mapping):
            raise BadRow("A turn of this conversation is no object. Give each a role and a content.")
        role = turn.get("role", turn.get("from", "user"))
        text = _text(turn.get("content", turn.get("parts", turn.get("value"))))
        if role in _SYSTEM:
            system.append(text)
        elif role in _USER and answer is None:
            asked.append(text)
        elif role in _MODEL and asked and answer is None:
            answer = text
        else:
            raise BadRow(
                "This is a conversation of several turns, and a row asks one question. Give its last question."
            )
    if not asked:
        raise BadRow("The prompt is empty.")
    return "\n\n".join(asked), system, answer


def _text(content: Any) -> str:
    """The text of a content, which is text or a list of parts. Raise BadRow for pictures and the like."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, Mapping):
        content = content.get("parts", [content])
    texts = []
    for part in content if isinstance(content, Sequence) else ():
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise BadRow(
                "This row holds more than text, such as a picture, which a batch does not take. Ask it in a chat."
            )
        texts.append(text)
    return "\n".join(texts)


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = record.get(name)
    return value if isinstance(value, Mapping) else None
