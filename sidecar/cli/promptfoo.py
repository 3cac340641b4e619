"""A YAML file with `prompts`, `providers` and `tests`, as users of promptfoo have it -> rows of a batch.

    prompts:
      - "Translate to {{language}}: {{text}}"
    providers: [openai:gpt-6-luna, anthropic:messages:claude-haiku-5-5]
    tests:
      - vars: {language: [French, Dutch], text: "Good morning"}      a list: once with each

Each prompt goes to each provider with the variables of each test. Its assertions become checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from sidecar.cli import promptfoo_checks
from sidecar.cli.connection import CallRefused

ENDINGS = (".yaml", ".yml")
_FILE = "file://"
# What a provider of theirs is called here; a middle part says which API, which the model decides here.
_PROVIDERS = {"google": "gemini", "vertex": "gemini", "xai": "grok"}
_OPTIONS = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "maxOutputTokens": "maxOutputTokens",
}


@dataclass(frozen=True, slots=True)
class PromptfooFile:
    """The rows of a file, what all their answers are held against, and the kinds of assertions that are not."""

    rows: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    left_out: Counter[str]


def read(path: Path, models: Sequence[str]) -> PromptfooFile:
    """Read a file; `models` take the place of its providers. Raise CallRefused with a sentence."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise CallRefused(f"{path.name} is no YAML: {problem}", "invalid_params") from None
    if not isinstance(document, dict) or "prompts" not in document:
        raise CallRefused(
            f"{path.name} has no prompts. It needs `prompts`, and may have `providers` and `tests`.",
            "invalid_params",
        )
    base = document.get("defaultTest")
    left_out = Counter[str]()
    checks = promptfoo_checks.of(base.get("assert") if isinstance(base, dict) else None, left_out)
    return PromptfooFile(list(rows(document, models, path.parent, left_out)), checks, left_out)


def rows(
    document: Mapping[str, Any], models: Sequence[str], folder: Path, left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield each prompt for each model with the variables and the assertions of each test."""
    asked: list[tuple[str, dict[str, Any]]] = [(model, {}) for model in models] or [
        _provider(each) for each in _list(document.get("providers"))
    ]
    if not asked:
        raise CallRefused(
            "No model is named. Name `providers` in the file, or one with -m.", "invalid_params"
        )
    base = _variables(document.get("defaultTest"))
    tests = [
        ({**base, **_variables(each)}, promptfoo_checks.of(each.get("assert"), left_out))
        for each in _list(document.get("tests"))
        if isinstance(each, dict)
    ] or [(base, [])]
    for prompt in _list(document["prompts"]):
        text = _prompt(prompt, folder)
        for values, checks in ((each, checks) for test, checks in tests for each in _each(test)):
            more = {name: value for name, value in (("data", values), ("checks", checks)) if value}
            for model, options in asked:
                yield {"prompt": text, "model": model, **options, **more}


def _provider(given: Any) -> tuple[str, dict[str, Any]]:
    """Return the model of `openai:chat:gpt-4o`, `{id: …, config: …}` or `{openai:gpt-4o: {…}}`, with its options."""
    config: Mapping[str, Any] = {}
    name = given
    if isinstance(given, dict):
        name, more = (given["id"], given) if "id" in given else next(iter(given.items()))
        config = (more or {}).get("config") or {}
    if not isinstance(name, str) or (":" not in name and "/" not in name):
        raise CallRefused(
            f"{name} names no provider and model. Write it as openai:gpt-6-luna.", "invalid_params"
        )
    options = {_OPTIONS[each]: value for each, value in config.items() if each in _OPTIONS}
    if ":" not in name:
        return name, options
    provider, *middle = name.split(":")
    return f"{_PROVIDERS.get(provider, provider)}/{middle[-1]}", options


def _prompt(given: Any, folder: Path) -> str:
    text = given.get("raw") or given.get("content") if isinstance(given, dict) else given
    if not isinstance(text, str):
        raise CallRefused("A prompt of the file is no text.", "invalid_params")
    if not text.startswith(_FILE):
        return text
    path = folder / text.removeprefix(_FILE)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CallRefused(f"The prompt {path} cannot be read. Correct its path.", "invalid_params") from None


def _variables(test: Any) -> dict[str, Any]:
    found = test.get("vars") if isinstance(test, dict) else None
    return dict(found) if isinstance(found, dict) else {}


def _each(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    choices = [value if isinstance(value, list) else [value] for value in values.values()]
    for chosen in product(*choices):
        yield dict(zip(values, chosen, strict=True))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
