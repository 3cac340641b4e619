"""The handwritten contract as one OpenRPC document without references: what `rpc.discover` answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from schemas.schema_error import SchemaError
from schemas.source import Schema, Source, target

_KEPT = ("x-aliases", "x-planned", "x-reads")


def resolve(source: Source) -> Schema:
    """The document. `x-params` stays beside OpenRPC's list of params: it says it all in one schema."""
    kept = {name: value for name, value in source.openrpc.items() if name not in ("$comment", "methods")}
    return {
        **kept,
        "methods": [_method(method, source) for method in source.methods],
        "components": {"errors": {row["kind"]: _error(row, general=True) for row in source.errors}},
        "x-notifications": [
            {**each, "params": inline(each["params"], source.definitions)} for each in source.notifications
        ],
    }


def fingerprint(document: Schema) -> str:
    """SHA-256 of the document's canonical JSON: keys sorted, no white space, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def inline(node: Any, definitions: Mapping[str, Schema], inside: tuple[str, ...] = ()) -> Any:
    """`node` with each reference replaced by what it names; members beside a reference win over the target's.

    Raises SchemaError for a type that holds itself.
    """
    if isinstance(node, list):
        return [inline(each, definitions, inside) for each in node]
    if not isinstance(node, dict):
        return node
    name = target(node)
    if name is None:
        return {key: inline(value, definitions, inside) for key, value in node.items()}
    if name in inside:
        raise SchemaError(f"{name} holds itself, by way of {' > '.join(inside)}")
    beside = {key: value for key, value in node.items() if key != "$ref"}
    found = inline(definitions[name], definitions, (*inside, name))
    return {"title": name, **found, **inline(beside, definitions, inside)}


def _method(method: Schema, source: Source) -> Schema:
    params = inline(method["x-params"], source.definitions) if "x-params" in method else None
    result: Schema = {
        "name": method["name"],
        "summary": method["summary"],
        "paramStructure": "by-name",
        "params": [] if params is None else parameters(params),
    }
    if "result" in method:
        schema = inline(method["result"], source.definitions)
        result["result"] = {"name": schema["title"], "schema": schema}
        result["errors"] = [_error(source.error(kind)) for kind in method.get("x-errors", ())]
    result["examples"] = [_example(method)]
    if params is not None:
        result["x-params"] = params
    return result | {name: method[name] for name in _KEPT if name in method}


def parameters(schema: Schema) -> list[Schema]:
    """OpenRPC describes one parameter at a time. Of alternatives, only what all of them require is required."""
    branches: list[Schema] = schema.get("anyOf") or [schema]
    names = list(dict.fromkeys(name for branch in branches for name in branch["properties"]))
    return [
        {
            "name": name,
            "required": all(name in branch.get("required", ()) for branch in branches),
            "schema": _merged(
                [branch["properties"][name] for branch in branches if name in branch["properties"]]
            ),
        }
        for name in names
    ]


def _merged(schemas: list[Schema]) -> Schema:
    different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _error(row: Mapping[str, Any], *, general: bool = False) -> Schema:
    data = {"kind": row["kind"], "retryable": row["retryable"]}
    if general:
        data["general"] = row["general"]
    return {"code": row["code"], "message": row["sentence"], "data": data}


def _example(method: Schema) -> Schema:
    written = method["x-example"]
    params = [{"name": name, "value": value} for name, value in written.get("params", {}).items()]
    example: Schema = {"name": f"{method['name']} example", "params": params}
    if "result" in written:
        example["result"] = {"name": "result", "value": written["result"]}
    return example
