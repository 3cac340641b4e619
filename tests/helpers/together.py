"""How tests are handed to the workers: one after the other, and those that share what is dear to load to one of them.

What a test loads stays loaded in its worker. Where four workers share the tests of a vendor's client, four load it.
"""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

# The files of each group, by what all of them load.
GROUPS = {
    "the vendors' own clients": (
        "*official_client*",
        "tests/providers/anthropic/test_anthropic_schema.py",
    ),
    "the sidecar's sources, parsed": (
        "tests/test_layers.py",
        "tests/test_names.py",
        "tests/test_pure.py",
        "tests/test_sentences.py",
        "tests/test_starting.py",
    ),
}


def group_of(test: str) -> str | None:
    """Return the group of a test by its id, None for most."""
    file = test.partition("::")[0]
    return next(
        (name for name, files in GROUPS.items() if any(fnmatch(file, each) for each in files)),
        None,
    )


class Together(LoadScheduling):  # type: ignore[misc]
    """As usual, but a group is for the worker that had its first test, while another has anything else to do."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._groups: list[str | None] = []
        self._owners: dict[str, WorkerController] = {}

    def _send_tests(self, node: WorkerController, num: int) -> None:
        chosen = self._choose(node, num)
        if chosen:
            taken = set(chosen)
            self.pending[:] = [index for index in self.pending if index not in taken]
            self.node2pending[node].extend(chosen)
            node.send_runtest_some(chosen)

    def _choose(self, node: WorkerController, num: int) -> list[int]:
        """Return the first that are for this worker, or the first at all where none is: nobody waits for another."""
        if not self._groups:
            self._groups = [group_of(test) for test in self.collection or ()]
        chosen: list[int] = []
        for index in self.pending:
            if len(chosen) == num:
                break
            group = self._groups[index]
            if group is None or self._owner(group, node) is node:
                chosen.append(index)
        return chosen or self.pending[:num]

    def _owner(self, group: str, node: WorkerController) -> WorkerController:
        """Return who has the group: whoever asks, where nobody has it or who had it has ended."""
        owner = self._owners.get(group)
        if owner is None or owner not in self.node2pending:
            owner = self._owners[group] = node
        return owner
