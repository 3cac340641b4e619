"""What a project asks its models with, laid between a request's options and the saved settings (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.chat.options import Options

# What a project may say that is a setting, too: it goes before what was saved for all projects.
_SETTINGS = (
    "maxOutputTokens",
    "enableWebSearch",
    "maxWebSearchUses",
    "enableExtendedThinking",
    "enablePromptCaching",
    "promptCacheTTL",
    "reasoningEffort",
)


def with_project(options: Options, chat: Mapping[str, Any]) -> Options:
    """Return the options with the project's instructions and temperature where the request names none.

    An empty system prompt is named: it leaves the project's out.
    """
    return replace(
        options,
        system=chat.get("systemPrompt") if options.system is None else options.system,
        temperature=chat.get("temperature") if options.temperature is None else options.temperature,
    )


def saved_in_project(saved: Mapping[str, Any], chat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved settings as they are in the project."""
    return {**saved, **{name: chat[name] for name in _SETTINGS if chat.get(name) is not None}}
