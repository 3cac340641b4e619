"""Which columns of a console's export count tokens, and what kind of them (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.money.bill_columns import columns, plain_name

# As `plain_name` spells them, likeliest first. `input` is the prompt as the vendor counts it: with what was cached, or
# (Anthropic) without. An output has its reasoning in it, or (xAI, Google) beside it.
_NAMES = {
    "input": """
        input tokens, prompt tokens, tokens in, n context tokens total, context tokens, total input tokens,
        prompt token count, input token count, input, prompt, eingabe tokens, jetons d'entree,
        tokens de entrada, token di input, 入力トークン, 输入tokens, 输入 tokens
    """,
    "uncached": """
        usage input tokens no cache, input tokens no cache, input uncached tokens, uncached input tokens,
        input tokens uncached, non cached input tokens
    """,
    "cached": """
        usage input tokens cache read, input tokens cache read, cache read input tokens, input cached tokens,
        cached input tokens, cache read tokens, cached tokens, prompt cached tokens, cached prompt tokens,
        n cached context tokens total, cached
    """,
    "written short": """
        usage input tokens cache write 5m, input tokens cache write 5m, cache creation 5m input tokens,
        input cache write 30m tokens, cache creation ephemeral 5m input tokens
    """,
    "written long": """
        usage input tokens cache write 1h, input tokens cache write 1h, cache creation 1h input tokens,
        input cache write 12h tokens, cache creation ephemeral 1h input tokens
    """,
    "written": """
        cache creation input tokens, cache write input tokens, input cache write tokens, cache write tokens,
        input tokens cache write
    """,
    "output": """
        usage output tokens, output tokens, completion tokens, tokens out, n generated tokens total,
        generated tokens, total output tokens, candidates token count, output token count, output,
        completion, ausgabe tokens, jetons de sortie, tokens de salida, tokens de saida, token di output,
        出力トークン, 输出tokens, 输出 tokens
    """,
    "reasoning": "reasoning tokens, thinking tokens, thoughts token count, output reasoning tokens",
    "searches": "web search count, web search requests, num web searches, searches",
}
COUNTS: Mapping[str, Sequence[str]] = {
    kind: [name.strip() for name in names.split(",")] for kind, names in _NAMES.items()
}
TIER = ("service tier", "usage type", "tier")
BATCH = ("batch", "is batch")


@dataclass(frozen=True, slots=True)
class UsageColumns:
    """Where each is in a line. `total` is a column that may be one of dollars, or the sum of the tokens."""

    day: int | None
    model: int | None
    counts: Mapping[str, int]
    tier: int | None
    batch: int | None
    total: int | None
    names_tokens: bool

    @property
    def whole(self) -> bool:
        """Whether the columns tell what was asked and what was answered, of which model, and when."""
        asked = "input" in self.counts or "uncached" in self.counts
        return self.day is not None and self.model is not None and asked and "output" in self.counts


def usage_columns(names: Sequence[str]) -> UsageColumns:
    """Return where the columns are; of those with the same name the first is taken (`bill_twins` says if it may be)."""
    plain, bill = [plain_name(name) for name in names], columns(names)

    def at(known: Sequence[str]) -> int | None:
        return next((plain.index(name) for name in known if name in plain), None)

    found = {kind: place for kind, known in COUNTS.items() if (place := at(known)) is not None}
    return UsageColumns(
        day=bill.day,
        model=bill.model,
        counts=found,
        tier=at(TIER),
        batch=at(BATCH),
        total=bill.cost,
        names_tokens=any("token" in name for name in plain),
    )
