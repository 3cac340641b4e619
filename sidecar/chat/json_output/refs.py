"""Where the references of a JSON Schema lead: into the schema itself, or nowhere. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

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
    return next(_problems(resource, known().resolver_with_root(resource)), None)


def _problems(resource: Resource[Any], resolver: Any) -> Iterator[str]:
    if isinstance(resource.contents, Mapping):
        problem = _problem(resource.contents, resolver)
        if problem is not None:
            yield problem
    for inner in resource.subresources():
        yield from _problems(inner, resolver.in_subresource(inner))


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
