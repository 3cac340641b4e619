"""Where schemas stand inside a JSON Schema."""

from __future__ import annotations

HOLDS_SCHEMAS_BY_NAME = (
    *("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"),
    # Up to draft 7; a list of names stands in the place of a schema there too.
    "dependencies",
)
HOLDS_SCHEMAS_IN_LIST = ("anyOf", "allOf", "oneOf", "prefixItems")
# `items` may be a list of schemas, up to draft 7.
HOLDS_A_SCHEMA = (
    *("items", "additionalItems", "unevaluatedItems", "additionalProperties", "unevaluatedProperties"),
    *("not", "if", "then", "else", "contains", "propertyNames", "contentSchema"),
)
# Those that are held against the same value as the schema in which they stand.
AT_THE_SAME_VALUE = (
    "anyOf",
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
)
