"""A conversation in the file that xAI sends of Grok, `prod-grok-backend.json` (pure).

{"conversations": [{"conversation": {"id", "title", "create_time", "leaf_response_id"}, "responses": [{"response":
{"_id", "parent_response_id", "sender": "human" | "assistant" | "ASSISTANT", "message", "thinking_trace", "model",
"create_time": {"$date": {"$numberLong"}}, "file_attachments", "image_attachments", "generated_image_urls"}}]}]}. As
programs that read these exports have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_model, a_text, an_object, joined, moment, named_files

_PERSON = frozenset({"human", "user"})
_FILES = ("file_attachments", "fileAttachments", "file_attachments_metadata")
_PICTURES = ("image_attachments", "imageAttachments", "generated_image_urls", "generatedImageUrls")


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(value.get("responses"), list) and isinstance(value.get("conversation"), dict)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
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
