"""Modules that take longer to load than the sidecar: loaded by the test that uses them, not by whoever gathers it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """A module by its name, imported when something in it is first asked for. Raises what its import raises."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # Asked of everything in a module by whoever looks for tests in it.
            raise AttributeError(name)
        return getattr(import_module(self._name), name)
