"""What holds for every test: none hangs for ever, whatever it leaves behind, and one that hung says where."""

from __future__ import annotations

import asyncio
import faulthandler
import io
import os
import traceback
from collections.abc import Generator

import pytest

_where = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "teardown_timeout", "seconds for one teardown, after which the process is ended", default="60"
    )


def pytest_configure(config: pytest.Config) -> None:
    # The real one: what pytest captures later is lost where the process is ended.
    config.stash[_where] = os.dup(2)


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
