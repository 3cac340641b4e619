"""Answered rows as lines of the files that each vendor's fine-tuning takes (pure).

OpenAI: platform.openai.com/docs/guides/supervised-fine-tuning. Anthropic, by Bedrock:
docs.aws.amazon.com/bedrock/latest/userguide/model-customization-prepare.html. Gemini, by Vertex AI:
cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning-prepare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.batch.row import Row

SHAPES = frozenset({"openai-tuning", "anthropic-tuning", "gemini-tuning"})


def example(
    prompt: str, given: Mapping[str, Any], data: Mapping[str, Any], response: str | None, shape: str
) -> dict[str, Any]:
    """Return one line: `prompt` with its variables filled in, the row's system prompt likewise, and the answer."""
    system = Row({**given, "data": data}).filled_system()
    answer = response or ""
    if shape == "gemini-tuning":
        turns = [_content("user", prompt), _content("model", answer)]
        instruction = {"systemInstruction": _content("system", system)} if system else {}
        return {**instruction, "contents": turns}
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    if shape == "anthropic-tuning":
        return {**({"system": system} if system else {}), "messages": messages}
    return {"messages": [*([{"role": "system", "content": system}] if system else []), *messages]}


def _content(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}
