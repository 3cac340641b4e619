"""One small conversation as each program writes it: a question, an answer that was thought about, another answer."""

from __future__ import annotations

import json
from typing import Any

FOLDED = """<details type="reasoning" done="true" duration="3">
<summary>Thought for 3 seconds</summary>
&gt; Hm.
&gt; 1 &lt; 2
</details>
<details type="tool_calls" name="x">
<summary>Tool Executed</summary>
raw</details>
Rayleigh."""
OPENWEBUI: Any = [
    {
        "id": "w1",
        "title": "Sky",
        "created_at": 1_700_000_000,
        "chat": {
            "title": "Sky",
            "models": ["deepseek-r1"],
            "history": {
                "currentId": "a",
                "messages": {
                    "q": {
                        "id": "q",
                        "parentId": None,
                        "childrenIds": ["b", "a"],
                        "role": "user",
                        "content": "Why?",
                        "timestamp": 1_700_000_001,
                        "files": [{"type": "file", "name": "notes.pdf"}],
                    },
                    "b": {
                        "id": "b",
                        "parentId": "q",
                        "role": "assistant",
                        "content": "No idea.",
                        "model": "llama3.1:latest",
                        "timestamp": 1_700_000_004,
                    },
                    "a": {
                        "id": "a",
                        "parentId": "q",
                        "role": "assistant",
                        "content": FOLDED,
                        "model": "deepseek-r1",
                        "timestamp": 1_700_000_005,
                        "done": True,
                    },
                },
            },
        },
        "archived": False,
        "meta": {},
    }
]


def _libre(key: str, parent: str, person: bool, text: Any, **more: Any) -> dict[str, Any]:
    return {
        "messageId": key,
        "parentMessageId": parent,
        "isCreatedByUser": person,
        "sender": "User" if person else "Software Engineer",
        "error": False,
        "model": None if person else "deepseek-r1",
        "createdAt": "2023-11-14T22:13:21.000Z" if person else "2023-11-14T22:13:25.000Z",
        **({"content": text} if isinstance(text, list) else {"text": text}),
        **more,
    }


_LIBRE_ROOT = "00000000-0000-0000-0000-000000000000"
_LIBRE_ANSWERS = [
    _libre("b", "q", False, "No idea."),
    _libre("e", "q", False, '{"type": "no_user_key"}', error=True),
    _libre(
        "a", "q", False, [{"type": "think", "think": "Hm.\n1 < 2"}, {"type": "text", "text": "Rayleigh."}]
    ),
]
_LIBRE_HEAD = {
    "conversationId": "l1",
    "endpoint": "openAI",
    "title": "Sky",
    "exportAt": "13:18:04 GMT-0400 (Eastern Daylight Time)",
    "branches": True,
    "options": {"model": "gpt-4-turbo"},
}
_LIBRE_QUESTION = _libre("q", _LIBRE_ROOT, True, "Why?", files=[{"filename": "notes.pdf"}])
LIBRECHAT: Any = {
    **_LIBRE_HEAD,
    "recursive": True,
    "messages": [{**_LIBRE_QUESTION, "children": _LIBRE_ANSWERS}],
}
LIBRECHAT_FLAT: Any = {**_LIBRE_HEAD, "recursive": False, "messages": [_LIBRE_QUESTION, *_LIBRE_ANSWERS]}

_SAID: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Why?"}, {"type": "image_url", "image_url": {}}]},
    {"role": "assistant", "content": "<think>\nHm.\n1 < 2\n</think>\n\nRayleigh."},
]
BETTERCHATGPT: Any = {
    "version": 1,
    "folders": {},
    "chats": [
        {"id": "c1", "title": "Sky", "titleSet": True, "config": {"model": "deepseek-r1"}, "messages": _SAID}
    ],
}
TYPINGMIND: Any = {
    "data": {
        "folders": [],
        "chats": [
            {
                "chatID": "t1",
                "chatTitle": "Sky",
                "createdAt": "2023-11-14T22:13:20.000Z",
                "model": "deepseek-r1",
                "messages": [
                    {**each, "uuid": f"u{n}", "createdAt": f"2023-11-14T22:13:2{n}.000Z"}
                    for n, each in enumerate(_SAID)
                ],
            }
        ],
    }
}
NEXTCHAT: Any = {
    "chat-next-web-store": {
        "sessions": [
            {
                "id": "n1",
                "topic": "Sky",
                "memoryPrompt": "",
                "lastUpdate": 1_700_000_009_000,
                "mask": {"modelConfig": {"model": "deepseek-r1"}, "createdAt": 1},
                "messages": [
                    {"id": "x", "role": "assistant", "content": "401", "isError": True, "date": "11/14/2023"},
                    *({**each, "id": f"u{n}", "date": "2023/11/14 22:13:21"} for n, each in enumerate(_SAID)),
                ],
            }
        ]
    },
    "access-control": {"openaiApiKey": "sk-not-read"},
}
CHATBOX: Any = {
    "__exported_items": ["conversations"],
    "__exported_at": "2023-11-15T00:00:00.000Z",
    "chat-sessions-list": [{"id": "s1", "name": "Sky", "type": "chat"}],
    "session:s1": {
        "id": "s1",
        "name": "Sky",
        "messages": [
            {"id": "0", "role": "system", "contentParts": [{"type": "text", "text": "Be brief."}]},
            {
                "id": "q",
                "role": "user",
                "contentParts": [{"type": "text", "text": "Why?"}],
                "timestamp": 1_700_000_001_000,
            },
            {
                "id": "a",
                "role": "assistant",
                "model": "deepseek-r1",
                "contentParts": [
                    {"type": "reasoning", "text": "Hm.\n1 < 2"},
                    {"type": "text", "text": "Rayleigh."},
                ],
                "timestamp": 1_700_000_005_000,
            },
        ],
        "messageForksHash": {
            "q": {
                "position": 1,
                "lists": [
                    {"id": "f1", "messages": [{"id": "b", "role": "assistant", "content": "No idea."}]},
                    {"id": "f2", "messages": []},
                ],
            }
        },
        "threads": [
            {
                "id": "th1",
                "name": "Before",
                "messages": [
                    {"id": "q0", "role": "user", "content": "Hello"},
                    {"id": "a0", "role": "assistant", "content": "Hi"},
                ],
            }
        ],
    },
}
_TOPICS = json.dumps({"assistants": [{"topics": [{"id": "k1", "name": "Sky"}]}]})
CHERRYSTUDIO: Any = {
    "time": 1_700_000_010_000,
    "version": 5,
    "localStorage": {"persist:cherry-studio": json.dumps({"assistants": _TOPICS, "llm": "{}"})},
    "indexedDB": {
        "topics": [
            {
                "id": "k1",
                "messages": [
                    {"id": "q", "role": "user", "blocks": ["1"], "createdAt": "2023-11-14T22:13:21.000Z"},
                    {
                        "id": "a",
                        "role": "assistant",
                        "askId": "q",
                        "blocks": ["2", "3"],
                        "model": {"id": "deepseek-r1", "provider": "deepseek"},
                        "foldSelected": True,
                        "createdAt": "2023-11-14T22:13:25.000Z",
                    },
                    {
                        "id": "b",
                        "role": "assistant",
                        "askId": "q",
                        "blocks": ["4"],
                        "model": {"id": "gpt-4o"},
                    },
                ],
            },
            {"id": "k2", "messages": []},
        ],
        "message_blocks": [
            {"id": "1", "messageId": "q", "type": "main_text", "content": "Why?"},
            {"id": "2", "messageId": "a", "type": "thinking", "content": "Hm.\n1 < 2"},
            {"id": "3", "messageId": "a", "type": "main_text", "content": "Rayleigh."},
            {"id": "4", "messageId": "b", "type": "main_text", "content": "No idea."},
        ],
    },
}


def _step(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "contentBlock", "content": [{"type": "text", "text": text}], **more}


LMSTUDIO: Any = {
    "name": "Sky",
    "createdAt": 1_700_000_000_000,
    "messages": [
        {
            "currentlySelected": 0,
            "versions": [
                {"type": "singleStep", "role": "user", "content": [{"type": "text", "text": "Why?"}]},
            ],
        },
        {
            "currentlySelected": 1,
            "versions": [
                {"type": "multiStep", "role": "assistant", "steps": [_step("No idea.")]},
                {
                    "type": "multiStep",
                    "role": "assistant",
                    "senderInfo": {"senderName": "deepseek-r1"},
                    "steps": [
                        _step("Hm.\n1 < 2", style={"type": "thinking", "ended": True}),
                        _step("Rayleigh."),
                        {"type": "debugInfoBlock", "debugInfo": "x"},
                    ],
                },
            ],
        },
    ],
}


def _thread(key: str, role: str, text: str, at: int) -> dict[str, Any]:
    return {
        "id": key,
        "object": "thread.message",
        "thread_id": "j1",
        "role": role,
        "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        "created_at": at,
    }


# One JSON object a line, the newest first.
JAN = [
    _thread("a", "assistant", "<think>Hm.\n1 < 2</think>Rayleigh.", 1_700_000_005),
    _thread("q", "user", "Why?", 1_700_000_001),
]


def activity(title: str, time: str, *html: str, header: str = "Gemini Apps") -> dict[str, Any]:
    record: dict[str, Any] = {"header": header, "title": title, "time": time, "products": [header]}
    return {**record, "safeHtmlItem": [{"html": each} for each in html]} if html else record


GEMINI: Any = [
    activity("Prompted And red?", "2023-11-15T08:00:00.000Z", "<p>The <b>longer</b> way.</p>"),
    activity(
        "Prompted Why?",
        "2023-11-14T22:13:21.000Z",
        "<h3>Rayleigh</h3><ul><li>Blue &amp; short</li><li><code>1 &lt; 2</code></li></ul>"
        "<pre><code>a\n  b</code></pre>",
    ),
    activity("Used Gemini Apps", "2023-11-14T22:13:20.000Z"),
    activity("Prompted Hello", "2023-11-14T22:10:00.000Z"),
    activity("Searched for sky", "2023-11-13T10:00:00.000Z", header="Search"),
]
