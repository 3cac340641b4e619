"""Whose an API key is, by how it begins: one of another vendor's is sent to nobody (pure)."""

from __future__ import annotations

# How keys begin, and whose they are: a provider's name where it is built in. The longest of several that fit holds.
# `sk-` alone is anybody's: DeepSeek, Moonshot and many gateways give such keys as OpenAI does.
_BEGINNINGS = {
    "sk-proj-": ("openai", "OpenAI"),
    "sk-svcacct-": ("openai", "OpenAI"),
    "sk-admin-": ("openai", "OpenAI"),
    "sk-ant-": ("anthropic", "Anthropic"),
    "AIza": ("gemini", "Google"),
    "xai-": ("grok", "xAI"),
    "sk-or-": ("", "OpenRouter"),
    "gsk_": ("", "Groq"),
    "pplx-": ("", "Perplexity"),
    "nvapi-": ("", "NVIDIA"),
    "hf_": ("", "Hugging Face"),
    "github_pat_": ("", "GitHub"),
    "ghp_": ("", "GitHub"),
}
# Shorter ones are nobody's.
_LEAST = 20


def other_owner(provider: str, key: str) -> str | None:
    """Return whose the key is where it is certainly not `provider`'s, a built-in one or its `-admin`; else None."""
    found = [owner for begin, owner in _BEGINNINGS.items() if key.startswith(begin)]
    if not found or len(key) < _LEAST:
        return None
    name, title = found[0]
    return None if name == provider.removesuffix("-admin") else title
