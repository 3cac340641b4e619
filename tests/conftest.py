"""What holds for every test: the longest begin first, and none hangs for ever or ends without saying where it hung."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import io
import os
import sys
import traceback
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScheduling  # type: ignore[import-untyped]

from tests.helpers import starting
from tests.helpers.soak import SOAK
from tests.helpers.together import Together

# What takes seconds, the longest first, so that no run ends with one core waiting for the other. Measured with
# `--durations`; what is missing here is only begun later.
LONGEST_FIRST = (
    "tests/crash/test_random_moments.py",
    "tests/packaging/test_frozen.py",
    "tests/crash/",
    "tests/batch/test_crash.py",
    "tests/faults/",
    "tests/cli/test_commands.py",
    "tests/field/test_machine_",
    "tests/field/test_trust_",
    "tests/batch/files/test_files_on_disk.py",
    "tests/test_sidecar_process.py",
    "tests/batch/test_simulated.py",
    "tests/methods/test_data.py",
    "tests/test_replay.py",
    "tests/providers/conformance/test_official_clients.py",
    "tests/field/",
    "tests/batch/",
    "tests/rpc/test_server.py",
    "tests/store/",
    "tests/fuzz/",
)

# A sidecar that is compiled anew with each start takes four times as long to begin, and is started hundreds of times.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The same examples in each run: a change is judged by what it changes. `make soak` draws new ones each time.
settings.register_profile(
    "abai", derandomize=not SOAK, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("abai")

_where = pytest.StashKey[int]()


@pytest.fixture
def real_starts() -> Generator[None]:
    """Start each process of the test anew: it is about the start, the memory, or what is loaded."""
    before, starting.CHOICE.real = starting.CHOICE.real, True
    yield
    starting.CHOICE.real = before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "teardown_timeout", "seconds for one teardown, after which the process is ended", default="60"
    )


def pytest_configure(config: pytest.Config) -> None:
    # The real one: what pytest captures later is lost where the process is ended.
    config.stash[_where] = os.dup(2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two more than there are cores: many a test waits for what takes its time, a process or a deadline."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScheduling:
    """Hand tests out as `tests/helpers/together.py` says."""
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        at = (number for number, begin in enumerate(LONGEST_FIRST) if item.nodeid.startswith(begin))
        return next(at, len(LONGEST_FIRST))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is found out of every collection of garbage.

    Thousands of tests and their parameters stay to the end: no use looking through them while they are gathered, once
    they are, or with each collection of garbage after that. Each worker gathers them all.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Watch the teardown of a failed test too.

    A test that was interrupted may leave a task that refuses to be cancelled. pytest watches until the first failure
    and ends its watch with the test, this one too.
    """
    seconds = float(item.config.getini("teardown_timeout"))
    faulthandler.dump_traceback_later(seconds, exit=True, file=item.config.stash[_where])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that hung where each of its tasks waits: the traceback ends in the loop."""
    report = yield
    if call.excinfo is not None and "from pytest-timeout" in str(call.excinfo.value):
        for loop in {
            at
            for frame, _ in traceback.walk_tb(call.excinfo.tb)
            if isinstance(at := frame.f_locals.get("self"), asyncio.AbstractEventLoop)
        }:
            told = io.StringIO()
            for task in asyncio.all_tasks(loop):
                task.print_stack(file=told)
            report.sections.append(("where each task waits", told.getvalue()))
    return report
