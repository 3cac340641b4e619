"""The vendor's prompt cache: which beginnings of prompts were seen before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sidecar.simulator.counting import BYTES_PER_TOKEN

SMALLEST_TOKENS = 1_024
STEP_TOKENS = 128
# A long prompt has thousands of beginnings; what is forgotten only costs a cache hit.
LARGEST_MEMORY = 200_000


class PromptCache:
    """Remembers beginnings by model, from 1,024 tokens on in steps of 128."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def look_up(self, model: str, messages: Iterable[tuple[str, str]]) -> tuple[int, int]:
        """How many tokens of this prompt were cached, and how many are cached from now on beside them."""
        prompt = b"\x00".join(text.encode("utf-8", "replace") for _, text in messages)
        cached = known = 0
        digest = hashlib.sha256(model.encode())
        position = 0
        if len(self._seen) > LARGEST_MEMORY:
            self._seen.clear()
        for tokens in range(SMALLEST_TOKENS, len(prompt) // BYTES_PER_TOKEN + 1, STEP_TOKENS):
            end = tokens * BYTES_PER_TOKEN
            digest.update(prompt[position:end])
            position = end
            beginning = digest.digest()
            if beginning in self._seen:
                cached = tokens
            self._seen.add(beginning)
            known = tokens
        return cached, known - cached
