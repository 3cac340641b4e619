"""Where the references of a JSON Schema lead: into the schema itself, or nowhere. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sidecar.chat.json_output.places import AT_THE_SAME_VALUE, HOLDS_SCHEMAS_BY_NAME

if TYPE_CHECKING:
    from referencing import Registry, Resource

# A chain of references that is longer leads back to where it began.
_LONGEST_CHAIN = 50


@cache
def known() -> Registry[Any]:
    """The drafts of JSON Schema, which come with the library, and nothing else.

    Without a registry of its own the library fetches what it does not know, from whatever address a schema names,
    and holds up everybody until that has answered.
    """
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    return cast("Registry[Any]", REGISTRY)


def problem_with_references(schema: Mapping[str, Any], dialect: str) -> str | None:
    """What is wrong with the first reference that leads nowhere, None when all of them lead to a schema.

    `dialect` is the address of the draft that the schema is written in.
    """
    from referencing.jsonschema import specification_with

    resource = specification_with(dialect).create_resource(schema)
    every = list(_every(resource, known().resolver_with_root(resource)))
    problems = (_problem(each, resolver) for each, resolver in every)
    return next(filter(None, problems), None) or _circle(every)


def _every(resource: Resource[Any], resolver: Any) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Each schema with what finds the references in it."""
    if not isinstance(resource.contents, Mapping):
        return
    yield resource.contents, resolver
    for inner in resource.subresources():
        yield from _every(inner, resolver.in_subresource(inner))


def _problem(schema: Any, resolver: Any) -> str | None:
    from referencing.exceptions import Unresolvable

    first = schema.get("$ref")
    for _ in range(_LONGEST_CHAIN):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            return None
        try:
            found = resolver.lookup(reference)
        except (Unresolvable, ValueError):
            return f"the reference {reference[:100]!r} leads to nothing inside it"
        schema, resolver = found.contents, found.resolver
    return f"the reference {str(first)[:100]!r} leads in a circle"


def _circle(every: list[tuple[Mapping[str, Any], Any]]) -> str | None:
    """The reference by which a schema asks of a value what it is asked for itself, and so for ever; None for none."""
    resolvers = {id(each): resolver for each, resolver in every}
    done: set[int] = set()
    on_the_way: set[int] = set()

    def look(schema: Any, resolver: Any) -> str | None:
        if not isinstance(schema, Mapping) or id(schema) in done:
            return None
        if id(schema) in on_the_way:
            return "a reference leads in a circle, back to the schema that it is a part of"
        on_the_way.add(id(schema))
        resolver = resolvers.get(id(schema), resolver)
        # What no list of schemas holds is seen here first, where a reference leads to it.
        if (found := _problem(schema, resolver)) is not None:
            return found
        for inner, its in _at_the_same_value(schema, resolver):
            if (found := look(inner, its)) is not None:
                return found
        on_the_way.discard(id(schema))
        done.add(id(schema))
        return None

    return next(filter(None, (look(schema, resolver) for schema, resolver in every)), None)


def _at_the_same_value(schema: Mapping[str, Any], resolver: Any) -> Iterator[tuple[Any, Any]]:
    """The schemas that are held against the same value as this one, each with what finds its references."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        found = resolver.lookup(reference)
        yield found.contents, found.resolver
    for word in AT_THE_SAME_VALUE:
        held = schema.get(word)
        inner: Any = held if isinstance(held, list) else [held]
        if word in HOLDS_SCHEMAS_BY_NAME and isinstance(held, Mapping):
            inner = held.values()
        yield from ((each, resolver) for each in inner)
