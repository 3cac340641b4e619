"""A row as it was given, decided into the question that it asks and the name by which that is known again (pure)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.batch import template
from sidecar.chat.chat_types import ChatInput
from sidecar.chat.json_output.schema import read_schema
from sidecar.chat.options import Options
from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest

# What may stand in a row's data and is no value for a template.
_OPTIONS = frozenset({"jsonMode", "jsonSchema"})
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0", ""})


@dataclass(frozen=True, slots=True)
class Row:
    """The wire's BatchRow. Its fields are read as they are needed, because there may be a million of them."""

    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def model(self) -> str:
        return str(self.fields["model"])

    @property
    def prompt(self) -> str:
        """Before its variables are filled in."""
        return str(self.fields["prompt"])

    @property
    def system(self) -> str | None:
        return self.fields.get("system") or None

    @property
    def data(self) -> Mapping[str, Any]:
        return self.fields.get("data") or {}

    @property
    def json_mode(self) -> bool | None:
        """The row's own word, else that of its data, which may be a spreadsheet's."""
        own = self.fields.get("jsonMode")
        return _truth(self.data.get("jsonMode")) if own is None else bool(own)

    @property
    def raw_schema(self) -> Any:
        """The row's own schema, else that of its data; an object, a text, or nothing."""
        own = self.fields.get("jsonSchema")
        return self.data.get("jsonSchema") if own is None else own

    @property
    def template(self) -> str:
        return template.fingerprint(self.prompt, self.system)

    @property
    def is_template(self) -> bool:
        """Whether there is data to fill in; without any, braces are text."""
        return not self.data.keys() <= _OPTIONS

    def unfilled(self) -> tuple[str, str] | None:
        """(member, sentence) of why the row's texts cannot be filled in, None when they can."""
        if not self.is_template:
            return None
        lacking = template.missing((self.prompt, self.system), self.data)
        if lacking:
            return "data", f"Missing template variables: {', '.join(lacking)}"
        if self.prompt.strip() and not self.filled_prompt().strip():
            return (
                "prompt",
                "The prompt is empty once its variables are filled in. Give them words, or leave the row out.",
            )
        return None

    def filled_prompt(self) -> str:
        return template.fill(self.prompt, self.data) if self.is_template else self.prompt

    def filled_system(self) -> str | None:
        return template.fill(self.system, self.data) if self.system and self.is_template else self.system

    def options(self) -> Options:
        """Raises Failure("invalid_params") for a schema that is none."""
        return Options(
            system=self.filled_system(),
            developer=self.fields.get("developer") or None,
            temperature=self.fields.get("temperature"),
            max_output_tokens=self.fields.get("maxOutputTokens"),
            json_mode=self.json_mode,
            json_schema=read_schema(self.raw_schema),
        )

    def chat_input(self, prompt: str) -> ChatInput:
        """The question with its prompt filled in. It belongs to no conversation.

        Raises Failure("invalid_params") for a row that cannot be filled in.
        """
        if (problem := self.unfilled()) is not None:
            raise Failure("invalid_params", problem[1])
        return ChatInput(prompt, self.model, options=self.options())


def _truth(value: Any) -> bool | None:
    """A yes or no as data says it; None where it says nothing that can be read."""
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO - {""} else None
    return bool(value) if isinstance(value, (bool, int, float)) else None


def request_fingerprint(provider: str, request: ChatRequest) -> str:
    """Equal for requests that ask the same model the same in the same manner.

    Who named an option (the row or a saved setting) and how the prompt is cached change nothing about the answer.
    """
    asked = (
        provider,
        request.model,
        [(turn.role, turn.text) for turn in request.turns],
        request.system,
        request.developer,
        request.temperature,
        request.max_output_tokens,
        request.json_mode,
        request.json_schema,
        request.web_search_max_uses,
        request.thinking,
        request.effort,
    )
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=15).hexdigest()
