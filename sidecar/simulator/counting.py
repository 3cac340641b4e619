"""The simulator's tokens: four bytes each, so that every count can be checked by hand (pure)."""

from __future__ import annotations

from collections.abc import Iterable

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
TOKENS_PER_REQUEST = 3


def count_tokens(text: str) -> int:
    """Tokens of a text, rounded up; none for an empty one."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def count_prompt(messages: Iterable[tuple[str, str]]) -> int:
    """Tokens of a whole prompt, with what frames each message."""
    return TOKENS_PER_REQUEST + sum(TOKENS_PER_MESSAGE + count_tokens(text) for _, text in messages)


def first_tokens(text: str, tokens: int) -> str:
    """The beginning of a text that has at most so many tokens."""
    return text.encode("utf-8", "replace")[: max(0, tokens) * BYTES_PER_TOKEN].decode("utf-8", "ignore")
