"""Conversations that were written for reading: Markdown and plain text with who speaks above, or before, each (pure).

    # Sky                       **You:** Why?              >> User:
    ## User                                                Why?
    Why?                        **ChatGPT:** Rayleigh.
    ## Assistant · 2026-01-01                              >> Assistant:
    Rayleigh.                                              Rayleigh.

Which line says who speaks is known by the first that names the person: the others look as it does, so that a heading
in an answer stays one. Where no model is known by its name, it is the one that follows the person.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sidecar.chat.transfer.message_tree import Role
from sidecar.chat.transfer.messages import MARK
from sidecar.chat.transfer.speakers import model_of, role_of
from sidecar.chat.transfer.values import moment

# What may stand before the name of who speaks, and what is put around it.
_BEGIN = re.compile(r"(?P<quote>>*)[ \t]?(?:\[![\w-]+\][+-]?[ \t]*)?(?P<heading>#{1,6}(?=[ \t]))?[ \t]*")
_BOLD = re.compile(r"(\*\*|__)(.{1,80}?)\1")
# SpecStory's: `_**User**_`.
_SLANTED = re.compile(r"([_*])(\*\*[^*]{1,80}\*\*)\1")
_COLON = re.compile(r"[:：]")
# Behind a name: "· 2026-01-01 10:00 UTC", "- 2023", "(gpt-4o)".
_BEHIND = re.compile(r"[ \t]+(?:[·|–—-][ \t].*|\(.*\)|\[.*\]|\d{1,4}[-/.]\d.*)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?UTC|Z|[+-]\d\d:\d\d)?")
_FENCE = re.compile(r"\s*(?:>\s*)*(`{3,}|~{3,})")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,}|={3,})\s*")
_TITLE = re.compile(r"#[ \t]+(.+)")
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_NAMED = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
# What our own export names a model by, which may be any name: a heading with a moment behind it.
_OWN = re.compile(r"## (.{1,200}?) · (\d{4}-\d\d-\d\d \d\d:\d\d) UTC(?: · .*)?")
_FOLDED, _FOLDED_END = "<details><summary>Thinking</summary>", "</details>"
_NOBODY = frozenset({"system", "tool", "function", "developer"})
_MOST_TURNS = 200_000
_MOST_NAME, _MOST_LABEL = 120, 400


class _Label(NamedTuple):
    """`look` is what a line is compared by; `said` is what stands behind it in the line."""

    look: tuple[object, ...]
    role: Role
    name: str
    said: str
    at: int | None
    model: str | None = None


def conversation_in(text: str) -> dict[str, Any] | None:
    """Return the conversation that a text is, for `messages.read`; None where no two are seen to speak."""
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    lines = body.splitlines()
    labels = _labels(lines, role_of)
    if {label.role for _, label in labels} == {"user"} and (other := _other_name(lines)):
        labels = _labels(lines, lambda name: "assistant" if name == other else role_of(name))
    if {label.role for _, label in labels} != {"user", "assistant"} or len(labels) > _MOST_TURNS:
        return None
    found = []
    for place, (at, label) in enumerate(labels):
        end = labels[place + 1][0] if place + 1 < len(labels) else len(lines)
        found.append(_message(label, lines[at + 1 : end]))
    above = lines[: labels[0][0]]
    named = _NAMED.search(front[1]) if front else None
    name = named[1].strip().strip("\"'") if named else _title(above)
    return {MARK: found, "title": name, "key": ""}


def _other_name(lines: Sequence[str]) -> str | None:
    """Who mostly stands behind the person, in lines that look the same; None where that is nobody in particular."""
    labels = [label for _, label in _labels(lines, lambda name: role_of(name) or "assistant")]
    asked = sum(label.role == "user" for label in labels)
    behind = Counter(
        after.name for before, after in pairwise(labels) if (before.role, after.role) == ("user", "assistant")
    )
    name, times = next(iter(behind.most_common(1)), ("", 0))
    # Words before a colon may be anything: a list of settings has a user, too.
    is_plain = labels[0].look[1:3] == ("", False) if labels else True
    return name if name.casefold() not in _NOBODY and times * 2 >= asked and times > is_plain else None


def _labels(lines: Sequence[str], role: Callable[[str], Role | None]) -> list[tuple[int, _Label]]:
    """The lines that say who speaks, which all look as the first that names the person."""
    found: list[tuple[int, _Label]] = []
    look: tuple[object, ...] | None = None
    fence = ""
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line.strip("> \t")[len(mark[1]) :].strip():
                fence = ""
            continue
        label = None if fence else _label(line, role)
        if label is None:
            continue
        if look is None and label.role == "user":
            look = label.look
            found = [each for each in found if each[1].look == look]
        if look is None or label.look == look:
            found.append((number, label))
    return found if look is not None else []


def _label(line: str, role_of: Callable[[str], Role | None]) -> _Label | None:
    if own := _OWN.fullmatch(line):
        role: Role = "user" if own[1] == "You" else "assistant"
        return _Label(("own",), role, own[1], "", moment(own[2]), own[1])
    if slanted := _SLANTED.fullmatch(line.strip()):
        line = slanted[2]
    begin = _BEGIN.match(line)
    assert begin is not None
    rest, heading = line[begin.end() :], begin["heading"] or ""
    bold = _BOLD.match(rest)
    if bold is not None:
        told, behind = bold[2], rest[bold.end() :]
        colon = told.rstrip().endswith((":", "："))
        told = told.rstrip().rstrip(":：")
        late = behind.lstrip(" \t")
        if not colon and late.startswith((":", "：")):
            colon, behind = True, late[1:]
    else:
        parts = _COLON.split(rest[:_MOST_NAME], maxsplit=1)
        # A moment behind a name has colons too.
        colon = len(parts) == 2 and _DATE.search(rest[:_MOST_NAME]) is None
        told = parts[0] if colon else rest[:_MOST_LABEL]
        if len(rest) > _MOST_LABEL and not colon:
            return None
        behind = rest[len(told) + 1 :] if colon else ""
    name, note = told, ""
    if (noted := _BEHIND.search(told)) is not None and noted.end() == len(told):
        name, note = told[: noted.start()], told[noted.start() :]
    if not colon and behind.strip():
        if _BEHIND.fullmatch(behind.rstrip()) is None:
            return None
        note, behind = behind, ""
    role_found = role_of(name.strip()) if heading or bold or colon else None
    if role_found is None:
        return None
    dated = _DATE.search(note)
    seen = (len(begin["quote"]), heading, bold is not None, colon and not heading)
    return _Label(
        seen,
        role_found,
        name.strip(),
        behind.strip(),
        moment(dated[0]) if dated else None,
        model_of(note, told, name),
    )


def _message(label: _Label, lines: Sequence[str]) -> Mapping[str, Any]:
    said = [label.said, *_unquoted(lines, label)] if label.said else list(_unquoted(lines, label))
    while said and (not said[-1].strip() or _RULE.fullmatch(said[-1])):
        said.pop()
    at = label.at
    first = next((place for place, line in enumerate(said) if line.strip()), None)
    if at is None and first is not None and (dated := _DATE.fullmatch(said[first].strip("*_ \t"))):
        at = moment(dated[0])
        said = said[first + 1 :]
    text = "\n".join(said).strip()
    before, folded, behind = text.partition(_FOLDED)
    thought, ended, after = behind.partition(_FOLDED_END)
    if folded and ended:
        text = f"{before}{after}".strip()
    return {
        "role": label.role,
        "content": text,
        "timestamp": at,
        "thinking": thought.strip() if folded and ended else "",
        "model": label.model if label.role == "assistant" else None,
    }


def _unquoted(lines: Sequence[str], label: _Label) -> Iterator[str]:
    """The lines of a message without what marks all of them as a quotation."""
    within = label.look[0] == 1 and all(line.startswith(">") for line in lines if line.strip())
    for line in lines:
        yield line[1:].removeprefix(" ") if within and line.startswith(">") else line


def _title(above: Sequence[str]) -> str:
    found = next((title[1] for line in above if (title := _TITLE.fullmatch(line.strip()))), "")
    return found.strip()[:200]
