"""A JSON Schema in the subset that Gemini's `responseJsonSchema` takes (pure).

What the subset has no words for is left out, never made stricter: the answer is validated by the schema as
given in any case. Short rules that are left out go into the description, where the model still reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

LONGEST_RULE = 200
DEEPEST = 60

_COPIED = ("$anchor", "type", "title", "propertyOrdering", "minItems", "maxItems", "minimum", "maximum")
_FORMATS = frozenset({"date-time", "date", "time"})
_UNIONS = ("anyOf", "oneOf")
_ANNOTATIONS = frozenset(
    {
        *("$schema", "$id", "id", "$comment", "$defs", "definitions", "title", "description"),
        *("default", "examples", "example", "deprecated", "readOnly", "writeOnly", "nullable"),
    }
)
# What is no rule, and the rules that are read one by one.
_READ = frozenset(
    {
        *("format", "enum", "const", "items", "prefixItems", "properties", "required"),
        *("additionalProperties", "additionalItems", "$ref", "allOf", *_UNIONS, *_COPIED, *_ANNOTATIONS),
    }
)
_DEFINITION = re.compile(r"#/(?:\$defs|definitions)/([^/~%]+)")
_ANCHOR = re.compile(r"#(?:[A-Za-z_][\w.-]*)?")


class _Adapting:
    """One schema on its way. `whole` turns false with the first rule that cannot be said."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.whole = True
        self._definitions = {**as_mapping(root.get("definitions")), **as_mapping(root.get("$defs"))}

    def root(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        made = self.schema(schema, 0)
        if self._definitions:
            made["$defs"] = {name: self.schema(inner, 1) for name, inner in self._definitions.items()}
        return made

    def schema(self, schema: Any, depth: int) -> dict[str, Any]:
        if schema is True:
            return {}
        if not isinstance(schema, Mapping) or depth > DEEPEST:
            return self._anything()
        while "allOf" in schema:
            schema = self._without_all_of(schema)
        if "$ref" in schema:
            return self._reference(schema)
        made = {word: schema[word] for word in _COPIED if word in schema}
        rules = {word: value for word, value in schema.items() if word not in _READ}
        self._bounds(schema, made, rules)
        self._values(schema, made, rules)
        self._array(schema, made, depth)
        self._object(schema, made, depth)
        for union in _UNIONS:
            if union in schema:
                made[union] = [self.schema(branch, depth + 1) for branch in schema[union]]
        if rules:
            self.whole = False
        description = _described(schema.get("description"), rules)
        return {**made, "description": description} if description else made

    def _anything(self) -> dict[str, Any]:
        self.whole = False
        return {}

    def _reference(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A reference stands alone there; what stands beside it is validated afterwards."""
        reference = str(schema["$ref"])
        if schema.keys() - _ANNOTATIONS - {"$ref"}:
            self.whole = False
        found = _DEFINITION.fullmatch(reference)
        if found and found[1] in self._definitions:
            return {"$ref": f"#/$defs/{found[1]}"}
        return {"$ref": reference} if _ANCHOR.fullmatch(reference) else self._anything()

    def _without_all_of(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parts as one schema where none contradicts another, else without them."""
        merged = {word: value for word, value in schema.items() if word != "allOf"}
        parts = list(schema["allOf"])
        if len(parts) == 1 and isinstance(parts[0], Mapping) and not merged.keys() - _ANNOTATIONS:
            return {**merged, **parts[0]}
        for part in parts:
            if not isinstance(part, Mapping) or "$ref" in part or "allOf" in part:
                self.whole = False
                return {word: value for word, value in schema.items() if word != "allOf"}
            for word, value in part.items():
                if (
                    word == "properties"
                    and not as_mapping(merged.get(word)).keys() & as_mapping(value).keys()
                ):
                    merged[word] = {**as_mapping(merged.get(word)), **as_mapping(value)}
                elif word == "required":
                    merged[word] = list(dict.fromkeys([*merged.get(word, ()), *value]))
                elif merged.setdefault(word, value) != value:
                    # Of two rules for the same thing one is kept; the other is held against the answer later.
                    self.whole = False
        # A part that is closed to the properties of another could never be satisfied as it stands here.
        if merged.pop("additionalProperties", None) is not None:
            self.whole = False
        return merged

    def _bounds(self, schema: Mapping[str, Any], made: dict[str, Any], rules: dict[str, Any]) -> None:
        for exclusive, inclusive, step, tighter in (
            ("exclusiveMinimum", "minimum", 1, max),
            ("exclusiveMaximum", "maximum", -1, min),
        ):
            bound = schema.get(exclusive)
            if isinstance(bound, bool) or not isinstance(bound, (int, float)):
                continue
            if schema.get("type") == "integer" and isinstance(bound, int):
                bound += step
                del rules[exclusive]
            made[inclusive] = tighter(bound, made.get(inclusive, bound))

    def _values(self, schema: Mapping[str, Any], made: dict[str, Any], rules: dict[str, Any]) -> None:
        if schema.get("format") in _FORMATS:
            made["format"] = schema["format"]
        elif "format" in schema:
            rules["format"] = schema["format"]
        word = "const" if "const" in schema else "enum"
        if word not in schema:
            return
        values = [schema["const"]] if word == "const" else schema["enum"]
        if all(isinstance(value, (str, int, float)) and not isinstance(value, bool) for value in values):
            made["enum"] = list(values)
        else:
            rules[word] = schema[word]

    def _array(self, schema: Mapping[str, Any], made: dict[str, Any], depth: int) -> None:
        items, first = schema.get("items"), schema.get("prefixItems")
        if isinstance(items, list):
            # The older way to write what is now called prefixItems.
            items, first = schema.get("additionalItems"), items
        if isinstance(first, list):
            made["prefixItems"] = [self.schema(inner, depth + 1) for inner in first]
        if isinstance(items, Mapping):
            made["items"] = self.schema(items, depth + 1)
        elif items is False:
            self.whole = False

    def _object(self, schema: Mapping[str, Any], made: dict[str, Any], depth: int) -> None:
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            made["properties"] = {
                name: self.schema(inner, depth + 1)
                for name, inner in properties.items()
                if inner is not False
            }
            self.whole = self.whole and len(made["properties"]) == len(properties)
        if isinstance(schema.get("required"), list):
            known = made.get("properties", {})
            made["required"] = [name for name in schema["required"] if name in known]
            self.whole = self.whole and len(made["required"]) == len(schema["required"])
        others = schema.get("additionalProperties")
        # Closed, an object would lose the members that only a pattern names.
        if others is not None and "patternProperties" not in schema:
            made["additionalProperties"] = (
                others if isinstance(others, bool) else self.schema(others, depth + 1)
            )


def adapted(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema as the vendor takes it, and whether all of it could be said."""
    adapting = _Adapting(schema)
    made = adapting.root(schema)
    return made, adapting.whole


def _described(description: Any, rules: Mapping[str, Any]) -> str:
    said = []
    for word, value in rules.items():
        text = json.dumps(value, ensure_ascii=False)
        if len(text) <= LONGEST_RULE:
            said.append(f"{word}: {text}")
    parts = [str(description)] if isinstance(description, str) and description else []
    return " ".join([*parts, *([f"({'; '.join(said)})"] if said else [])])
