"""What people call a provider, where they do not use its name here (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.contract.providers import PROVIDERS

# Its title and its keys' variables name the company; these are what it makes.
_MODELS = {"chatgpt": "openai", "gpt": "openai", "claude": "anthropic", "x.ai": "grok"}


def meant_by(said: str) -> str | None:
    """Return the name of the built-in provider that is meant, None where it is nobody's."""
    word = said.strip().lower()
    for facts in PROVIDERS:
        companies = (variable.partition("_")[0] for variable in facts.key_variables)
        if word in (
            facts.name,
            facts.title.lower(),
            *facts.title.lower().split(),
            *map(str.lower, companies),
        ):
            return facts.name
    return _MODELS.get(word)


def no_such_provider(said: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that no provider has: whose it may be, and which names there are."""
    names = tuple(known)
    meant = meant_by(said)
    hint = f" Did you mean {meant}?" if meant in names else ""
    return f"There is no provider called {said}.{hint} Choose one of: {', '.join(names)}."
