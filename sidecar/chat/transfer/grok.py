"""A conversation in the file that xAI sends of Grok, `prod-grok-backend.json` (pure).

{"conversations": [{"conversation": {"id", "title", "create_time", "leaf_response_id"}, "responses": [{"response":
{"_id", "parent_response_id", "sender": "human" | "assistant" | "ASSISTANT", "message", "thinking_trace", "model",
"create_time": {"$date": {"$numberLong"}}, "file_attachments", "image_attachments", "generated_image_urls"}}]}]}. As
programs that read these exports have it.

The archive of one's data at X has them one by one in `data/grok-chat-item.js`, newest first: [{"grokChatItem":
{"chatId", "createdAt", "sender": {"name", "originalName": "USER" | …}, "message", "attachments": [{"fileName"}]}}].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_model, a_text, an_object, joined, moment, named_files

MARK = "grokChatItem"
_PERSON = frozenset({"human", "user"})
_FILES = ("file_attachments", "fileAttachments", "file_attachments_metadata")
_PICTURES = ("image_attachments", "imageAttachments", "generated_image_urls", "generatedImageUrls")


def key_of(value: Mapping[str, Any]) -> str | None:
    """Return to which conversation a message of X's archive belongs, None for what is none."""
    return a_text(an_object(value.get(MARK)).get("chatId")) or None


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one, or the messages of one at X, gathered."""
    talk = isinstance(value.get("responses"), list) and isinstance(value.get("conversation"), dict)
    return talk or isinstance(value.get(MARK), list)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    if MARK in value:
        return _at_x(value["key"], [an_object(each[MARK]) for each in value[MARK]])
    told = an_object(value["conversation"])
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for number, each in enumerate(map(an_object, value["responses"])):
        node = _node(an_object(each.get("response")) or each, str(number), before)
        nodes[node.key] = node
        before = node.key
    leaf = a_text(told.get("leaf_response_id"))
    key = a_text(told.get("id")) or next(iter(nodes), "")
    began = moment(told.get("create_time")) or 0
    return conversations_of(key, a_text(told.get("title")), began, nodes, leaf if leaf in nodes else before)


def _at_x(key: str, items: list[Mapping[str, Any]]) -> list[TakenConversation]:
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    # Where two are of one moment, the file has the later one before the other.
    items.reverse()
    items.sort(key=lambda each: moment(each.get("createdAt")) or 0)
    for number, item in enumerate(items):
        sender = an_object(item.get("sender"))
        name = a_text(sender.get("originalName")) or a_text(sender.get("name")) or a_text(item.get("sender"))
        pictures = named_files(item.get("attachments"))
        nodes[str(number)] = TreeNode(
            str(number),
            before,
            "user" if name.casefold() in _PERSON else "assistant",
            joined([*pictures, a_text(item.get("message"))]),
            at=moment(item.get("createdAt")),
        )
        before = str(number)
    return conversations_of(key, "", 0, nodes, before)


def _node(response: Mapping[str, Any], number: str, before: str | None) -> TreeNode:
    person = a_text(response.get("sender")).casefold() in _PERSON
    files = [name for place in _FILES for name in named_files(response.get(place))]
    pictures = [name for place in _PICTURES for name in named_files(response.get(place), "image")]
    return TreeNode(
        a_text(response.get("_id")) or a_text(response.get("responseId")) or number,
        a_text(response.get("parent_response_id")) or a_text(response.get("parentResponseId")) or before,
        "user" if person else "assistant",
        joined([*files, *pictures, a_text(response.get("message"))]),
        a_text(response.get("thinking_trace")) or a_text(response.get("thinkingTrace")),
        None if person else a_model(response.get("model") or None),
        moment(response.get("create_time") or response.get("createTime")),
    )
