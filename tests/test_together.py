"""Who runs the tests waits for no client of a vendor that is loaded by each worker: one loads it, for all its tests."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.together import Together, group_of

CLIENTS = [f"tests/providers/openai/test_openai_official_client.py::test_{number}" for number in range(6)]
OTHERS = [f"tests/test_ids.py::test_{number}" for number in range(6)]


class Options:
    """What the scheduler asks of pytest: two workers, and one test more at a time."""

    def getvalue(self, _name: str) -> list[str]:
        return ["popen", "popen"]

    def getoption(self, _name: str) -> int:
        return 1


class Worker:
    """One that says of each test that it is done when it is asked to."""

    shutting_down = False

    def __init__(self) -> None:
        # Its name is asked for, and told only where workers have found other tests.
        self.gateway = SimpleNamespace(id="worker")
        self.ran: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.ran.extend(indices)

    def shutdown(self) -> None:
        self.shutting_down = True


def given_out(tests: list[str], *, only: int | None = None) -> list[list[str]]:
    """Return the tests of each of two workers; `only` is the one that ever ends a test."""
    scheduler: Any = Together(Options(), None)  # type: ignore[arg-type]
    workers = [Worker(), Worker()]
    for worker in workers:
        scheduler.add_node(worker)
        scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    done = [0, 0]
    while any(done[n] < len(workers[n].ran) for n in (0, 1) if only in (None, n)):
        for n in (0, 1):
            if only in (None, n) and done[n] < len(workers[n].ran):
                done[n] += 1
                scheduler.mark_test_complete(workers[n], workers[n].ran[done[n] - 1])
    return [[tests[index] for index in worker.ran] for worker in workers]


def test_the_clients_tests_go_to_one_worker_and_every_test_runs_once() -> None:
    first, second = given_out([*CLIENTS, *OTHERS])
    assert sorted(first + second) == sorted([*CLIENTS, *OTHERS])
    assert [test for test in second if group_of(test)] == []
    assert len(second) == len(first)


def test_a_worker_that_has_nothing_else_takes_them_too() -> None:
    first, second = given_out(CLIENTS, only=1)
    assert sorted(first + second) == CLIENTS
    assert len(second) == 4


def test_whoever_gathers_the_tests_loads_no_client_and_parses_no_source() -> None:
    code = (
        "import pytest, sys\n"
        "pytest.main(['--collect-only', '-qqq', '-p', 'no:cacheprovider', *sys.argv[1:]])\n"
        "from tests.helpers.sources import modules\n"
        "clients = ('openai', 'anthropic', 'google.genai')\n"
        "loaded = [name for name in clients if name in sys.modules]\n"
        "print('loaded:', loaded, modules.cache_info().currsize)\n"
    )
    files = [
        "tests/test_pure.py",
        *map(str, (REPOSITORY / "tests/providers").rglob("test_*official_client*.py")),
    ]
    ran = subprocess.run(
        [sys.executable, "-c", code, *files],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == "loaded: [] 0", ran.stdout + ran.stderr
