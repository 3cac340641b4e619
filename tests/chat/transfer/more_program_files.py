"""The conversation of `program_files` as further services and programs write it, and as tables and pages."""

from __future__ import annotations

import json
from typing import Any


def _grok(
    key: str, sender: str, text: str, at: int, parent: str | None = None, **more: Any
) -> dict[str, Any]:
    response = {
        "_id": key,
        "conversation_id": "g1",
        "message": text,
        "sender": sender,
        "create_time": {"$date": {"$numberLong": str(at)}},
        "parent_response_id": parent,
        "model": "grok-4" if sender != "human" else "",
        **more,
    }
    return {"response": response, "share_link": None}


GROK: Any = {
    "conversations": [
        {
            "conversation": {
                "id": "g1",
                "title": "Sky",
                "create_time": "2023-11-14T22:13:20.000000Z",
                "leaf_response_id": "a",
            },
            "responses": [
                _grok(
                    "q",
                    "human",
                    "Why?",
                    1_700_000_001_000,
                    file_attachments=[{"file_name": "notes.pdf"}],
                ),
                _grok("b", "ASSISTANT", "No idea.", 1_700_000_003_000, "q"),
                _grok("a", "assistant", "Rayleigh.", 1_700_000_005_000, "q", thinking_trace="Hm.\n1 < 2"),
            ],
        }
    ],
    "projects": [],
    "tasks": [],
}


def _fragments(*pieces: tuple[str, str], model: str = "deepseek-reasoner", second: int = 1) -> dict[str, Any]:
    return {
        "files": [],
        "model": model,
        "inserted_at": f"2023-11-15T06:13:2{second}.000000+08:00",
        "fragments": [{"type": kind, "content": text} for kind, text in pieces],
    }


_ASKED = {**_fragments(("REQUEST", "Why?")), "files": [{"id": "f", "file_name": "notes.pdf"}]}
_ANSWERED = _fragments(("THINK", "Hm.\n1 < 2"), ("RESPONSE", "Rayleigh."), second=5)
DEEPSEEK: Any = [
    {
        "id": "d1",
        "title": "Sky",
        "inserted_at": "2023-11-15T06:13:20.000000+08:00",
        "updated_at": "2023-11-15T06:13:30.000000+08:00",
        "mapping": {
            "root": {"id": "root", "parent": None, "children": ["1"], "message": None},
            "1": {"id": "1", "parent": "root", "children": ["2", "3"], "message": _ASKED},
            "2": {
                "id": "2",
                "parent": "1",
                "children": [],
                "message": _fragments(("RESPONSE", "No idea."), second=3),
            },
            "3": {"id": "3", "parent": "1", "children": [], "message": _ANSWERED},
        },
    }
]
# Before there were fragments; nothing says who spoke.
DEEPSEEK_OLDER: Any = [
    {
        **DEEPSEEK[0],
        "mapping": {
            "root": {"id": "root", "parent": None, "children": ["1"], "message": None},
            "1": {
                "id": "1",
                "parent": "root",
                "children": ["2", "3"],
                "message": {
                    "files": [{"file_name": "notes.pdf"}],
                    "search_results": None,
                    "model": "deepseek-reasoner",
                    "reasoning_content": None,
                    "content": "Why?",
                    "inserted_at": "2023-11-15T06:13:21.000+08:00",
                },
            },
            "2": {
                "id": "2",
                "parent": "1",
                "message": {"model": "deepseek-reasoner", "reasoning_content": None, "content": "No idea."},
            },
            "3": {
                "id": "3",
                "parent": "1",
                "message": {
                    "model": "deepseek-reasoner",
                    "reasoning_content": "Hm.\n1 < 2",
                    "content": "Rayleigh.",
                    "inserted_at": "2023-11-15T06:13:25.000+08:00",
                },
            },
        },
    }
]


def _deepseek_row(number: int, parent: int | None, role: str, message: dict[str, Any]) -> dict[str, Any]:
    more = {"message_id": number, "parent_id": parent, "role": role, "inserted_at": 1_700_000_000.5 + number}
    return {**message, **more}


# As its page has one conversation, and as programs beside the page save it.
DEEPSEEK_PAGE: Any = {
    "code": 0,
    "data": {
        "biz_data": {
            "chat_session": {
                "id": "d1",
                "title": "Sky",
                "current_message_id": 3,
                "inserted_at": 1_700_000_000.0,
            },
            "chat_messages": [
                _deepseek_row(1, None, "USER", _ASKED),
                _deepseek_row(2, 1, "ASSISTANT", _fragments(("RESPONSE", "No idea."))),
                _deepseek_row(3, 1, "ASSISTANT", _ANSWERED),
            ],
        }
    },
}

_LOBE_MESSAGES: list[dict[str, Any]] = [
    {
        "id": "q",
        "role": "user",
        "content": "Why?",
        "sessionId": "s1",
        "topicId": "t1",
        "createdAt": 1_700_000_001_000,
        "fileList": [{"name": "notes.pdf"}],
    },
    {
        "id": "b",
        "role": "assistant",
        "content": "No idea.",
        "parentId": "q",
        "sessionId": "s1",
        "topicId": "t1",
        "createdAt": 1_700_000_003_000,
        "extra": {"fromModel": "gpt-4o"},
    },
    {
        "id": "a",
        "role": "assistant",
        "content": "Rayleigh.",
        "reasoning": {"content": "Hm.\n1 < 2", "duration": 3},
        "parentId": "q",
        "sessionId": "s1",
        "topicId": "t1",
        "createdAt": 1_700_000_005_000,
        "extra": {"fromModel": "deepseek-r1"},
    },
    {"id": "q0", "role": "user", "content": "Hello", "sessionId": "s1", "createdAt": 1_700_000_000_000},
    {"id": "a0", "role": "assistant", "content": "Hi", "sessionId": "s1", "createdAt": 1_700_000_000_500},
]
LOBECHAT: Any = {
    "exportType": "sessions",
    "state": {
        "messages": _LOBE_MESSAGES,
        "sessions": [{"id": "s1", "meta": {"title": "Helper"}, "type": "agent"}],
        "topics": [{"id": "t1", "sessionId": "s1", "title": "Sky"}],
    },
    "version": 7,
}
# With a database below it.
LOBECHAT_TABLES: Any = {
    "data": {
        "messages": [
            {
                **{name: value for name, value in each.items() if name != "extra"},
                **({"model": each["extra"]["fromModel"]} if "extra" in each else {}),
                "createdAt": f"2023-11-14T22:13:2{number}.000Z",
            }
            for number, each in enumerate(_LOBE_MESSAGES)
        ],
        "sessions": [{"id": "s1", "title": "Helper"}],
        "topics": [{"id": "t1", "title": "Sky"}],
        "userSettings": [],
    },
    "mode": "pglite",
    "schemaHash": "x",
}


def _lechat(key: str, role: str, second: int, content: str, *chunks: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": key,
        "version": 0,
        "chatId": "m1",
        "content": content,
        "contentChunks": list(chunks) or None,
        "role": role,
        "createdAt": f"2023-11-14T22:13:2{second}.236Z",
        "reaction": "neutral",
        "files": [{"type": "document", "name": "notes.pdf"}] if role == "user" else [],
    }


# In no order.
LECHAT: Any = [
    _lechat(
        "a",
        "assistant",
        5,
        "",
        {"type": "tool_call", "name": "web_search", "publicArguments": "sky"},
        {"type": "text", "text": "Ray"},
        {"type": "reference", "referenceIds": [1]},
        {"type": "text", "text": "leigh."},
    ),
    _lechat("q", "user", 1, "Why?"),
]
SILLYTAVERN: Any = [
    {"user_name": "You", "character_name": "Sky", "create_date": "2023-11-14@22h13m20s", "chat_metadata": {}},
    {"name": "You", "is_user": True, "send_date": "2023-11-14T22:13:21.000Z", "mes": "Why?"},
    {
        "name": "Sky",
        "is_user": False,
        "send_date": "November 14, 2023 10:13pm",
        "mes": "Rayleigh.",
        "swipe_id": 1,
        "swipes": ["No idea.", "Rayleigh."],
        "extra": {"model": "deepseek-r1", "reasoning": "Hm.\n1 < 2"},
    },
]
ANYTHINGLLM: Any = [
    {
        "id": 1,
        "username": "admin",
        "workspace": "Sky",
        "prompt": "Why?",
        "response": "Rayleigh.",
        "sent_at": 1_700_000_001_000,
    },
    {"id": 2, "workspace": "Other", "prompt": "Hello", "response": "Hi", "sent_at": 1_700_000_002_000},
]
BIGAGI: Any = {
    "id": "b1",
    "userTitle": "Sky",
    "created": 1_700_000_000_000,
    "messages": [
        {
            "id": "q",
            "role": "user",
            "created": 1_700_000_001_000,
            "fragments": [{"ft": "content", "part": {"pt": "text", "text": "Why?"}}],
        },
        {
            "id": "a",
            "role": "assistant",
            "created": 1_700_000_005_000,
            "generator": {"name": "deepseek-r1"},
            "fragments": [
                {"ft": "content", "part": {"pt": "ma", "aText": "Hm.\n1 < 2"}},
                {"ft": "content", "part": {"pt": "text", "text": "Rayleigh."}},
            ],
        },
    ],
}
SHAREGPT: Any = [
    {
        "id": "s1",
        "title": "Sky",
        "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Rayleigh."}],
    }
]
# What llama.cpp's page saves: its messages are a tree.
LLAMACPP: Any = [
    {
        "conv": {"id": "l1", "name": "Sky", "lastModified": 1_700_000_009_000, "currNode": "a"},
        "messages": [
            {"id": "r", "type": "root", "role": "system", "content": "", "parent": "-1"},
            {"id": "q", "role": "user", "content": "Why?", "timestamp": 1_700_000_001_000, "parent": "r"},
            {"id": "b", "role": "assistant", "content": "No idea.", "parent": "q"},
            {
                "id": "a",
                "convId": "l1",
                "role": "assistant",
                "content": "Rayleigh.",
                "thinking": "Hm.\n1 < 2",
                "model": "deepseek-r1",
                "timestamp": 1_700_000_005_000,
                "parent": "q",
            },
        ],
    }
]
# What several programs beside a page save.
EXPORTERS: Any = {
    "metadata": {"title": "Sky", "dates": {"created": "11/14/2023 22:13:20"}, "powered_by": "an exporter"},
    "messages": [{"role": "Prompt", "say": "Why?"}, {"role": "Response", "say": "Rayleigh."}],
}
PLAIN: Any = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Rayleigh."}]

COPILOT = (
    "\ufeffConversation,Time,Author,Message\r\n"
    'Sky,2023-11-14T22:13:25,AI,"Rayleigh, ""who"" else?"\r\n'
    "Sky,2023-11-14T22:13:25,Human,Why?\r\n"
    "Before,2023-11-14T22:10:00,AI,Hi\r\n"
    "Before,2023-11-14T22:09:00,Human,Hello\r\n"
)
ANYTHINGLLM_TABLE = (
    "id,username,workspace,prompt,response,sent_at,rating\n"
    '1,admin,Sky,"Why?","Rayleigh.",2023-11-14T22:13:21.000Z,\n'
)
# As programs write a conversation for reading.
PAGES = {
    "headings": "# Sky\n\n## User\n\nWhy?\n\n## Assistant\n\nRayleigh.\n",
    "with colons": "# Sky\n\n#### You:\nWhy?\n\n#### ChatGPT:\nRayleigh.\n",
    "bold": "# Sky\n\n**User**: \n\nWhy?\n\n**Assistant**: \n\nRayleigh.\n",
    "bold and in the line": "**You:** Why?\n\n**Gemini:** Rayleigh.\n",
    "prompt and response": "# Sky\n\n## Prompt:\n14/11/2023, 22:13:21\n\nWhy?\n\n## Response:\n\nRayleigh.\n",
    "with pictures": "# Sky\n\n---\n### 🧑‍💻 User\n\nWhy?\n\n---\n\n### 🤖 Assistant\n\nRayleigh.\n",
    "front matter": '---\ntitle: "Sky"\nsource: https://chat.example\n---\n\n# User\n\nWhy?\n\n# Claude\n\nRayleigh.\n',
    "words": "User: Why?\nAssistant: Rayleigh.\n",
    "marks": "Conversation\n\n>> User:\nWhy?\n\n>> Assistant:\nRayleigh.\n",
    "in another language": "# Sky\n\n## 用户\n\nWhy?\n\n## 助手\n\nRayleigh.\n",
    "callouts": "# Sky\n\n>[!nexus_user] **User** - 2023\n> Why?\n\n>[!nexus_agent] **Assistant** - 2023\n"
    "> Rayleigh.\n",
    "with moments": "# Sky\n\n**Human** - 2023-11-14 22:13:21 UTC\n\nWhy?\n\n---\n\n"
    "**Assistant** - 2023-11-14 22:13:25 UTC\n\nRayleigh.\n",
    "our own": "# Sky\n\n## You · 2023-11-14 22:13 UTC\n\nWhy?\n\n"
    "## openai · 2023-11-14 22:13 UTC · $0.01\n\nRayleigh.\n",
}


def lines(values: Any) -> bytes:
    """Return them one a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in values)
