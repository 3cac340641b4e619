"""What a file holds of which no row could be taken, and how it may be read: choices for the person (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.batch.files.layout import layout_of
from sidecar.batch.files.names import PROMPT_NAMES, field_of, squeezed
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.template import spelled

SAMPLES = 3
_SHOWN_CHARS = 120
_MODEL = re.compile(
    r"[a-z0-9_.-]+/[\w.:/-]+|(?:gpt|claude|gemini|grok|llama|mistral|o\d)[\w.:-]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The columns, or members, of a file and its first records."""

    names: Sequence[str]
    samples: Sequence[Sequence[Any]]
    is_table: bool
    encoding: str
    delimiter: str | None = None


def as_wire(seen: Seen, options: ImportOptions) -> dict[str, Any]:
    """Return a BatchImportSeen."""
    layout = layout_of(seen.names, options, table=seen.is_table)
    columns = []
    for index, name in enumerate(seen.names):
        filled = layout.columns[index].field or None if index < len(layout.columns) else None
        texts = [_shown(sample[index]) for sample in seen.samples if index < len(sample)]
        column: dict[str, Any] = {"name": name or f"column_{index + 1}", "samples": texts}
        columns.append(column | ({"field": filled} if filled and filled != "+" else {}))
    found: dict[str, Any] = {"columns": columns, "encoding": seen.encoding}
    if seen.delimiter is not None:
        found["delimiter"] = seen.delimiter
    return found | {"choices": _choices(seen, layout.fields, options)}


def _choices(seen: Seen, filled: frozenset[str], options: ImportOptions) -> list[dict[str, Any]]:
    names = [name or f"column_{index + 1}" for index, name in enumerate(seen.names)]
    asks_model = "model" not in filled and not options.models
    model = _model_column(seen, names) if asks_model else None
    columns = dict(options.columns) | ({"model": model} if model else {})
    behind = f", the column “{model}” as the model" if model else ""
    behind += ", and choose a model for all rows" if asks_model and not model else ""
    needs = {"needs": ["model"]} if asks_model and not model else {}
    choices: list[dict[str, Any]] = []
    if seen.is_table and options.header and _lacks_header(seen):
        choices.append(
            {"label": "The first line is no header but a row already.", "options": {"header": False}}
        )
    if "prompt" in filled or options.template is not None:
        if asks_model:
            label = f"Read the prompts as they are{behind}."
            choices.append({"label": label, "options": {"columns": columns} if columns else {}} | needs)
        return choices
    data = [name for name in names if field_of(name) is None and name != model and not name.startswith("__")]
    # A test of promptfoo has its prompt elsewhere.
    only_variables = any(name.startswith("__") for name in names)
    for name in () if only_variables else _likely(seen, names, data)[:SAMPLES]:
        label = f"Take the column “{name}” as the prompt{behind}."
        choices.append({"label": label, "options": {"columns": {**columns, "prompt": name}}} | needs)
    if len(data) > 1 or only_variables:
        template = "\n\n".join("{{" + name + "}}" for name in data[:4])
        label = f"Write a prompt in which the columns stand, such as {template.split(chr(10))[0]}{behind}."
        found = {"template": template} | ({"columns": columns} if columns else {})
        choices.append({"label": label, "options": found} | needs)
    return choices


def _likely(seen: Seen, names: Sequence[str], data: Sequence[str]) -> list[str]:
    """The columns that may be the prompt: by their names, then the one with the longest texts."""
    length = {
        name: sum(len(_shown(sample[index])) for sample in seen.samples if index < len(sample))
        for index, name in enumerate(names)
    }

    def rank(name: str) -> tuple[bool, int]:
        likely = any(word in squeezed(name) for word in ("prompt", *PROMPT_NAMES))
        return not likely, -length[name]

    return sorted(data, key=rank)


def _model_column(seen: Seen, names: Sequence[str]) -> str | None:
    for index, name in enumerate(names):
        texts = [_shown(sample[index]).strip() for sample in seen.samples if index < len(sample)]
        if texts and all(_MODEL.fullmatch(text) for text in texts):
            return name
    return None


def _lacks_header(seen: Seen) -> bool:
    """Whether the first record reads like a row: a model, a sentence, or a number stands where a name should."""
    if any(field_of(name) for name in seen.names):
        return False
    return any(
        _MODEL.fullmatch(name.strip()) or len(name.split()) > 3 or name.strip().endswith(("?", ".", "!"))
        for name in seen.names
    )


def _shown(value: Any) -> str:
    text = spelled(value)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def members(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return the names in objects and, of each object, the values by these."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return names, [[record.get(name) for name in names] for record in records]
