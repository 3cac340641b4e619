"""Where schemas stand inside a JSON Schema."""

from __future__ import annotations

HOLDS_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
HOLDS_SCHEMAS_IN_LIST = ("anyOf", "allOf", "oneOf", "prefixItems")
HOLDS_A_SCHEMA = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
