"""Conversations of other services are trees: what was said, and all that was asked or answered again (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Role = Literal["user", "assistant"]

# Of one conversation; whoever has more has a program that made them.
MOST_BRANCHES = 100


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
    spoken = _spoken(main)
    if not spoken:
        raise ValueError("nothing was said in it")
    on_main = {node.key for node in main}
    versions: list[TakenMessage] = []
    branches: list[TakenConversation] = []
    for end in leaves:
        path = list(_path(nodes, end))
        begins = next((number for number, node in enumerate(path) if node.key not in on_main), len(path))
        apart = _spoken(path[begins:])
        if end == leaf or not apart:
            continue
        instead = _instead(main, begins, spoken)
        if len(apart) == 1 and instead is not None and instead.role == apart[0].role:
            shown = next(each for each in _in_turns(spoken, created_at) if each.key == instead.key)
            versions.append(_version(apart[0], shown))
        elif len(branches) < MOST_BRANCHES:
            number = len(branches) + 2
            taken = tuple(_in_turns(_spoken(path), created_at))
            branches.append(TakenConversation(f"{key}/{end}", f"{name} (branch {number})", created_at, taken))
    messages = (*_in_turns(spoken, created_at), *versions)
    return [TakenConversation(key, name, created_at, messages), *branches]


def _path(nodes: Mapping[str, TreeNode], leaf: str | None) -> Sequence[TreeNode]:
    """From the root to the leaf. A circle ends where it closes."""
    found: list[TreeNode] = []
    seen: set[str] = set()
    while leaf is not None and leaf in nodes and leaf not in seen:
        seen.add(leaf)
        found.append(nodes[leaf])
        leaf = nodes[leaf].parent
    found.reverse()
    return found


def _spoken(path: Sequence[TreeNode]) -> list[TreeNode]:
    """What can be read. An answer that came in several messages, with tools in between, is one."""
    found: list[TreeNode] = []
    for node in path:
        if node.role is None or not (node.text or node.thinking):
            continue
        last = found[-1] if found else None
        if last is not None and last.role == node.role == "assistant":
            found[-1] = replace(
                last,
                text=_joined(last.text, node.text),
                thinking=_joined(last.thinking, node.thinking),
                model=node.model or last.model,
            )
        else:
            found.append(node)
    return [node for node in found if node.text or node.role == "assistant"]


def _in_turns(spoken: Sequence[TreeNode], created_at: int) -> Iterator[TakenMessage]:
    """The messages with their questions, in times that never run backwards."""
    turn, at = "", created_at
    for node in spoken:
        if node.role == "user" or not turn:
            turn = node.key
        at = max(at, node.at or at)
        assert node.role is not None
        yield TakenMessage(node.key, turn, node.role, node.text, at, node.thinking, node.model)


def _instead(main: Sequence[TreeNode], begins: int, spoken: Sequence[TreeNode]) -> TreeNode | None:
    """What was gone on with where another branch begins: an answer in several messages is one from its first on."""
    after, before = _spoken(main[begins:]), _spoken(main[:begins])
    if not after:
        return None
    goes_on = bool(before) and before[-1].role == after[0].role == "assistant"
    return spoken[len(before) - goes_on]


def _version(apart: TreeNode, shown: TakenMessage) -> TakenMessage:
    return replace(
        shown,
        key=apart.key,
        text=apart.text,
        thinking=apart.thinking,
        model=apart.model,
        version_of=shown.key,
    )


def _joined(one: str, other: str) -> str:
    return f"{one}\n\n{other}" if one and other else one or other
