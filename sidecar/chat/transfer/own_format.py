"""Conversations as A-B/AI writes them: as Markdown for reading, as JSON to be taken over elsewhere (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TakenMessage
from sidecar.chat.transfer.values import a_list, moment
from sidecar.counted import at_least, at_most, dollars

BEGIN = '{"format": "abai-conversations", "version": 1, "conversations": [\n'
END = "\n]}\n"
Shown = Mapping[str, Any]


def is_conversation(value: Shown) -> bool:
    """Whether this is one that was written as JSON."""
    return isinstance(value.get("messages"), list) and "projectId" in value


def read(value: Shown) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    taken = tuple(_taken(value["messages"]))
    if not taken:
        raise ValueError("nothing was said in it")
    name, created = value.get("name"), value.get("createdAt")
    return [
        TakenConversation(
            str(value.get("id") or taken[0].key),
            name if isinstance(name, str) else "",
            moment(created) or taken[0].at,
            taken,
        )
    ]


def as_markdown(conversation: Shown, messages: Sequence[Shown]) -> str:
    """Return a conversation for reading. Earlier versions are left out."""
    parts = [f"# {conversation['name']}"]
    for message in messages:
        parts += [f"## {_heading(message)}", str(message["content"]).strip() or "*(no text)*"]
        if message.get("thinking"):
            parts.append(f"<details><summary>Thinking</summary>\n\n{message['thinking']}\n\n</details>")
        pages = [
            f"- [{each['title'] or each['url']}]({each['url']})" for each in message.get("citations", ())
        ]
        if pages:
            parts.append("\n".join(pages))
    return "\n\n".join(parts) + "\n"


def _heading(message: Shown) -> str:
    moment = datetime.fromtimestamp(message["timestamp"] / 1000, UTC)
    who = "You" if message["role"] == "user" else message["provider"] or message["model"] or message["role"]
    named = [who, f"{moment:%Y-%m-%d %H:%M} UTC"]
    if message.get("cost") is not None:
        named.append(dollars(message["cost"]))
    elif message.get("costAtLeastUSD") is not None:
        most = message.get("costAtMostUSD")
        bound = "" if most is None else f", at most {at_most(most)}"
        named.append(f"cost not known: at least {at_least(message['costAtLeastUSD'])}{bound}")
    if message.get("finishReason") not in (None, "stop"):
        named.append(str(message["finishReason"]))
    return " · ".join(named)


def _taken(messages: Sequence[Any]) -> Iterator[TakenMessage]:
    for message in messages:
        if not isinstance(message, dict):
            continue
        shown = _message(message, None)
        if shown is None:
            continue
        yield shown
        for earlier in a_list(message.get("earlier")):
            version = _message(earlier, shown.key) if isinstance(earlier, dict) else None
            if version is not None:
                yield version


def _message(message: Shown, version_of: str | None) -> TakenMessage | None:
    key, role, text, at = (message.get(name) for name in ("id", "role", "content", "timestamp"))
    if not isinstance(key, str) or not isinstance(text, str) or role not in ("user", "assistant"):
        return None
    turn, model = message.get("turnId"), message.get("model")
    return TakenMessage(
        key,
        turn if isinstance(turn, str) else key,
        role,
        text,
        moment(at) or 0,
        str(message.get("thinking") or ""),
        model if isinstance(model, str) else None,
        version_of,
        message,
    )
