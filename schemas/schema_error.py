"""What is raised for handwritten schemas that nothing can be generated from."""

from __future__ import annotations


class SchemaError(Exception):
    """A handwritten schema that cannot be generated from; the message says where."""
