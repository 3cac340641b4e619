"""Reads the handwritten schemas and checks that they hang together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.providers import all_keys, checked, closed, named
from schemas.schema_error import SchemaError

Schema = dict[str, Any]

FOLDER = Path(__file__).resolve().parent
TOPICS = (
    "system",
    "models",
    "settings",
    "projects",
    "chat",
    "work",
    "compare",
    "batches",
    "activity",
    "errors",
)
_LOCAL = "#/$defs/"


@dataclass(frozen=True, slots=True)
class Source:
    """The contract as it was written. `definitions` holds every named type, references as `#/$defs/Name`;
    `providers` are the rows of providers.json.
    """

    openrpc: Schema
    definitions: dict[str, Schema]
    errors: list[dict[str, Any]]
    providers: list[dict[str, Any]]

    @property
    def methods(self) -> list[Schema]:
        methods: list[Schema] = self.openrpc["methods"]
        return methods

    @property
    def defaults(self) -> dict[str, Any]:
        """Every setting with its default."""
        settings = self.definitions["Settings"]["properties"]
        return {name: schema["default"] for name, schema in settings.items()}

    @property
    def notifications(self) -> list[Schema]:
        """What the sidecar sends by itself."""
        notifications: list[Schema] = self.openrpc["x-notifications"]
        return notifications

    def error(self, kind: str) -> dict[str, Any]:
        for row in self.errors:
            if row["kind"] == kind:
                return row
        raise SchemaError(f"errors.json has no kind {kind}")


def load(folder: Path = FOLDER) -> Source:
    """Raises SchemaError for a name given twice and for a reference to nothing."""
    providers = checked(_read(folder / "providers.json")["rows"])
    files = {topic: _read(folder / f"{topic}.json", named(providers)) for topic in TOPICS}
    rows: list[dict[str, Any]] = files["errors"]["rows"]
    kinds = {"description": "The name of an error.", "enum": [row["kind"] for row in rows]}
    files["errors"]["$defs"]["ErrorKind"] = kinds
    derived = files["settings"]["$defs"]
    derived["AllKeys"] = all_keys(providers)
    derived["Settings"] = closed(derived["Settings"])
    definitions: dict[str, Schema] = {}
    for topic, content in files.items():
        for name, schema in content["$defs"].items():
            if name in definitions:
                raise SchemaError(f"{topic}.json: the name {name} is taken")
            definitions[name] = _with_local_references(schema, topic, files)
    openrpc = _with_local_references(_read(folder / "openrpc.json"), "openrpc", files)
    return Source(openrpc, definitions, rows, providers)


def target(schema: Mapping[str, Any]) -> str | None:
    """The name that a schema refers to, if it is a reference."""
    reference = schema.get("$ref")
    return None if reference is None else str(reference).removeprefix(_LOCAL)


def reachable(definitions: Mapping[str, Schema], roots: Iterable[str]) -> dict[str, Schema]:
    """The named types that `roots` need, themselves included, in the order in which they were written."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_references(definitions[name]))
    return {name: schema for name, schema in definitions.items() if name in found}


def _read(path: Path, providers: str = "") -> Schema:
    """What a file holds, with the names of the providers where it says `{providers}`."""
    content: Schema = json.loads(path.read_text(encoding="utf-8").replace("{providers}", providers))
    return content


def _with_local_references(node: Any, topic: str, files: Mapping[str, Schema]) -> Any:
    """`projects.json#/$defs/Message` and `#/$defs/Message` both become `#/$defs/Message`: names are unique."""
    if isinstance(node, list):
        return [_with_local_references(each, topic, files) for each in node]
    if not isinstance(node, dict):
        return node
    result = {name: _with_local_references(value, topic, files) for name, value in node.items()}
    if isinstance(result.get("$ref"), str):
        file, _, name = result["$ref"].partition(_LOCAL)
        home = file.removesuffix(".json") or topic
        if name not in files.get(home, {}).get("$defs", {}):
            raise SchemaError(f"{topic}.json: there is no {result['$ref']}")
        result["$ref"] = _LOCAL + name
    return result


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        name = target(node)
        if name is not None:
            yield name
        for value in node.values():
            yield from _references(value)
