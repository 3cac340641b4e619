"""What a simulated model says: the same for the same question, and never to be taken for real (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

from sidecar.simulator.counting import BYTES_PER_TOKEN, first_tokens
from sidecar.simulator.directives import without_directives
from sidecar.simulator.exchange import ParsedRequest
from sidecar.simulator.schema_sample import sample

_EXACTLY = re.compile(r"reply with exactly:\s?(.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"\s*\S{1,24}|\s+\Z")
_ECHO_CHARS = 80

_OPENINGS = (
    "You asked about",
    "Here is what would be said about",
    "A first thought on",
    "Let us look at",
    "To take up",
    "In short, on",
)
_MIDDLES = (
    "A real model would weigh the question here; this one only shows how an answer looks as it arrives.",
    "Nothing was looked up and nothing was thought through, so please read no meaning into these words.",
    "The words come from a small list, chosen by the question itself, and cost nothing.",
    "If this were real, the second sentence would hold the facts, and this is how long they would take.",
    "Every run gives the same text, which makes it useful for tests and useless for anything else.",
)
_CLOSINGS = (
    "Ask a real model for a real answer.",
    "That is all there is to it.",
    "The rest is left to a model with a key.",
    "Compare it with the others beside it.",
    "So much for the simulation.",
)

_EFFORT_TOKENS = {"none": 0, "minimal": 16, "low": 64, "medium": 128, "high": 256, "xhigh": 512, "max": 1024}


def answer_text(parsed: ParsedRequest, title: str, tokens: int | None = None) -> str:
    """The whole answer. With `tokens` it is prose of exactly that length."""
    question = without_directives(parsed.prompt)
    exactly = _EXACTLY.search(question)
    if exactly:
        return exactly.group(1).strip()
    if parsed.schema is not None:
        return json.dumps(sample(parsed.schema), ensure_ascii=False)
    if parsed.json_mode:
        return json.dumps(
            {"simulated": True, "model": title, "question": _echo(question)}, ensure_ascii=False
        )
    prose = _prose(question, title, parsed.model)
    return prose if tokens is None else _of_length(prose, tokens)


def thinking_text(parsed: ParsedRequest, title: str) -> str:
    """The summary of a simulated model's thinking."""
    question = _echo(without_directives(parsed.prompt))
    return f"[simulated {title}] The question is “{question}”. No thought was spent on it."


def reasoning_tokens(parsed: ParsedRequest) -> int:
    """How many tokens a reasoning model spends before it speaks, by its effort."""
    base = _EFFORT_TOKENS.get(parsed.effort or "medium", 128)
    return base + _digest(parsed.model, parsed.prompt)[0] % 32 if base else 0


def pieces(text: str) -> Iterator[str]:
    """The text cut as a model would send it: a word or two at a time."""
    words = _WORD.findall(text)
    at, take = 0, 1
    while at < len(words):
        yield "".join(words[at : at + take])
        at, take = at + take, 3 - take


def _prose(question: str, title: str, model: str) -> str:
    digest = _digest(model, question)
    opening, middle, closing = (
        _OPENINGS[digest[0] % len(_OPENINGS)],
        _MIDDLES[digest[1] % len(_MIDDLES)],
        _CLOSINGS[digest[2] % len(_CLOSINGS)],
    )
    return f"[simulated {title}] {opening} “{_echo(question)}”. {middle} {closing}"


def _of_length(prose: str, tokens: int) -> str:
    """Plain ASCII, so that the cut falls between two characters and the count is exact."""
    plain = prose.encode("ascii", "ignore").decode() + " "
    repeated = plain * (tokens * BYTES_PER_TOKEN // len(plain) + 1)
    return first_tokens(repeated, tokens)


def _echo(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _ECHO_CHARS else line[:_ECHO_CHARS].rstrip() + "…"


def _digest(model: str, question: str) -> bytes:
    return hashlib.sha256(f"{model}\n{question}".encode("utf-8", "replace")).digest()
