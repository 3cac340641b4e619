"""Questions to Gemini in what Google Takeout writes as "My Activity", `MyActivity.json` (pure).

[{"header": "Gemini Apps", "title": "Prompted <question>", "time", "products": ["Gemini Apps"], "safeHtmlItem":
[{"html": answer}], "attachedFiles": [name]}], newest first, times as ISO 8601. Nothing says which belong together, so
that the questions of a day become one conversation. As people who looked through exports of their own wrote it down
(OB1, pull request 455, and others).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidecar.chat.transfer.html_text import as_text
from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object, joined, moment

_MARK = "gemini-activity"
_PROMPTED = "Prompted "
# What a day may hold before it is cut.
_MOST_AT_ONCE = 1_000
_MOST_LETTERS = 16_000_000


def is_record(value: Any) -> bool:
    """Whether this is something that "My Activity" lists, of Gemini or of another product."""
    known = isinstance(value, dict) and isinstance(value.get("time"), str) and "title" in value
    return known and ("header" in value or "products" in value or "safeHtmlItem" in value)


def by_days(values: Iterable[Any]) -> Iterator[Any]:
    """Yield values as they come, the records among them by their days, each day as one value."""
    day, held, letters = "", list[Mapping[str, Any]](), 0
    for value in values:
        record = is_record(value)
        began = value["time"][:10] if record else ""
        if held and (began != day or len(held) >= _MOST_AT_ONCE or letters > _MOST_LETTERS):
            yield {_MARK: held, "name": f"Gemini {day}"}
            held, letters = [], 0
        if not record:
            yield value
            continue
        day = began
        held.append(value)
        letters += sum(len(a_text(an_object(each).get("html"))) for each in a_list(value.get("safeHtmlItem")))
    if held:
        yield {_MARK: held, "name": f"Gemini {day}"}


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is a day that `by_days` made."""
    return _MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    asked = [record for record in reversed(value[_MARK]) if _question(record)]
    if not asked:
        raise ValueError("no question to Gemini is in what happened on this day")
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for number, record in enumerate(asked):
        at, answer = moment(record["time"]), joined([_answer(record)])
        key = f"{record['time']}/{number}"
        nodes[key] = TreeNode(key, before, "user", joined([*_files(record), _question(record)]), at=at)
        before = key
        if answer:
            before = f"{key}/answer"
            nodes[before] = TreeNode(before, key, "assistant", answer, at=at)
    key = f"{asked[0]['time']}/{len(asked)}"
    return conversations_of(key, value["name"], moment(asked[0]["time"]) or 0, nodes, before)


def _question(record: Mapping[str, Any]) -> str:
    """What was asked; "" for what is no question. In other languages another word stands before it."""
    title = a_text(record.get("title"))
    of_gemini = "Gemini" in " ".join(map(str, (record.get("header"), *a_list(record.get("products")))))
    if title.startswith(_PROMPTED):
        return title[len(_PROMPTED) :].strip()
    return title.strip() if of_gemini and _answer(record) else ""


def _files(record: Mapping[str, Any]) -> list[str]:
    """What was handed in with a question, by its names."""
    named = [*a_list(record.get("attachedFiles")), record.get("imageFile")]
    return [f"[{name}]" for name in map(a_text, named) if name]


def _answer(record: Mapping[str, Any]) -> str:
    return joined(
        [as_text(a_text(an_object(each).get("html"))) for each in a_list(record.get("safeHtmlItem"))]
    )
