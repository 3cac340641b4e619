"""Conversations of other services are trees: what was said, and all that was asked or answered again (pure)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Role = Literal["user", "assistant"]

# Of one conversation; whoever has more has a program that made them.
MOST_BRANCHES = 100
# How many messages all its branches may go through between the one that was gone on with and their ends. Where each
# goes through those of the one before it, that is more than anybody waits for.
MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A message in the tree, or (without a role) a joint of it that nobody sees. `at` is in ms since 1970."""

    key: str
    parent: str | None
    role: Role | None = None
    text: str = ""
    thinking: str = ""
    model: str | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """A message that is to be stored. `turn` is the key of its question, `version_of` of what it is a version of.

    `as_it_was` holds members of our own exports that others do not have.
    """

    key: str
    turn: str
    role: Role
    text: str
    at: int
    thinking: str = ""
    model: str | None = None
    version_of: str | None = None
    as_it_was: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TakenConversation:
    """A conversation that is to be stored, its messages in order."""

    key: str
    name: str
    created_at: int
    messages: tuple[TakenMessage, ...]


def conversations_of(
    key: str, name: str, created_at: int, nodes: dict[str, TreeNode], leaf: str | None
) -> list[TakenConversation]:
    """Return the conversation that ends at `leaf`, and one for each branch that goes on for more than an answer.

    Another answer to the same question, or another question in the same place, is a version of the one that was
    gone on with. Raises ValueError where nothing was said.
    """
    parents = {node.parent for node in nodes.values()}
    leaves = [node.key for node in nodes.values() if node.key not in parents]
    if leaf not in nodes:
        leaf = leaves[-1] if leaves else next(reversed(nodes), None)
    main = list(_path(nodes, leaf))
    shown = list(_in_turns(_spoken(main), created_at))
    if not shown:
        raise ValueError("nothing was said in it")
    places = {node.key: number for number, node in enumerate(main)}
    instead = _instead(main)
    versions: list[TakenMessage] = []
    branches: list[TakenConversation] = []
    left = MOST_STEPS
    for end in leaves:
        if end in places or left <= 0:
            continue
        path = list(_path(nodes, end, places))
        left -= len(path)
        apart = _spoken(path)
        if not apart:
            continue
        begins = places.get(path[0].parent or "", -1) + 1
        place = instead[begins] if begins < len(main) else None
        if len(apart) == 1 and place is not None and shown[place].role == apart[0].role:
            versions.append(_version(apart[0], shown[place]))
        elif len(branches) < MOST_BRANCHES:
            number = len(branches) + 2
            taken = tuple(_in_turns(_spoken(_path(nodes, end)), created_at))
            branches.append(TakenConversation(f"{key}/{end}", f"{name} (branch {number})", created_at, taken))
    return [TakenConversation(key, name, created_at, (*shown, *versions)), *branches]


def _path(nodes: Mapping[str, TreeNode], leaf: str | None, but: Container[str] = ()) -> Sequence[TreeNode]:
    """From the root, or from behind the last of the keys that are not wanted, to the leaf. A circle ends where it
    closes.
    """
    found: list[TreeNode] = []
    seen: set[str] = set()
    while leaf is not None and leaf in nodes and leaf not in seen and leaf not in but:
        seen.add(leaf)
        found.append(nodes[leaf])
        leaf = nodes[leaf].parent
    found.reverse()
    return found


def _is_spoken(node: TreeNode) -> bool:
    return node.role is not None and bool(node.text or node.thinking)


def _spoken(path: Sequence[TreeNode]) -> list[TreeNode]:
    """What can be read. An answer that came in several messages, with tools in between, is one."""
    found: list[list[TreeNode]] = []
    for node in filter(_is_spoken, path):
        if found and found[-1][0].role == node.role == "assistant":
            found[-1].append(node)
        else:
            found.append([node])
    return [
        pieces[0] if len(pieces) == 1 else _as_one(pieces)
        for pieces in found
        if pieces[0].text or pieces[0].role == "assistant"
    ]


def _as_one(pieces: Sequence[TreeNode]) -> TreeNode:
    return replace(
        pieces[0],
        text=_joined(piece.text for piece in pieces),
        thinking=_joined(piece.thinking for piece in pieces),
        model=next((piece.model for piece in reversed(pieces) if piece.model), None),
    )


def _instead(main: Sequence[TreeNode]) -> list[int | None]:
    """For a branch that begins where each node of the main one stands: which of the spoken messages was gone on with.

    An answer in several messages is one from its first on.
    """
    found: list[int | None] = [None] * len(main)
    place, before = -1, None
    for number, node in enumerate(main):
        if not _is_spoken(node):
            continue
        kept = bool(node.text) or node.role == "assistant"
        place += kept and not before == node.role == "assistant"
        before = node.role
        found[number] = place if kept else None
    after: int | None = None
    for number in reversed(range(len(main))):
        after = found[number] = after if found[number] is None else found[number]
    return found


def _in_turns(spoken: Sequence[TreeNode], created_at: int) -> Iterator[TakenMessage]:
    """The messages with their questions, in times that never run backwards."""
    turn, at = "", created_at
    for node in spoken:
        if node.role == "user" or not turn:
            turn = node.key
        at = max(at, node.at or at)
        assert node.role is not None
        yield TakenMessage(node.key, turn, node.role, node.text, at, node.thinking, node.model)


def _version(apart: TreeNode, shown: TakenMessage) -> TakenMessage:
    return replace(
        shown,
        key=apart.key,
        text=apart.text,
        thinking=apart.thinking,
        model=apart.model,
        version_of=shown.key,
    )


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, texts))
