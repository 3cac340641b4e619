"""Each fault once: it ends as its row of docs/reliability.md says, and the page has a row for each."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import pytest

from sidecar import __version__
from tests.faults.fault import PAGE, Fault, page, told
from tests.faults.stand import KEY, MODEL, Stand, planted
from tests.faults.suite import FAULTS


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are made with what Linux has")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_loses_nothing_pays_nothing_twice_and_lets_no_secret_out(
    fault: Fault, tmp_path: Path
) -> None:
    counts = await fault.run(tmp_path, 0)
    assert (counts.lost, counts.paid_twice, counts.secrets) == (0, 0, 0)
    assert counts.times > 0
    assert counts.kept > 0
    assert counts.paid > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the faults are made with what Linux has")
async def test_what_is_missing_asked_for_again_or_let_out_is_counted(tmp_path: Path) -> None:
    async with planted() as simulator:
        stand = Stand(tmp_path, simulator)
        async with stand.sidecar() as process:
            await stand.begin(process)
            stand.names.add("never made")
            for _ in range(2):
                await process.call("chat:send", {"content": "Twice?", "modelId": MODEL})
            (tmp_path / "notes.txt").write_text(f"Log in with {KEY[:16]}", encoding="utf-8")
            counts = await stand.counts(process, 1)
    assert (counts.lost, counts.paid_twice, counts.secrets) == (1, 1, 1)


def test_the_page_says_when_it_was_written_and_of_which_version() -> None:
    assert f"version {__version__}, on 2026-11-28." in page([], [], date(2026, 11, 28))
    (written,) = re.findall(
        r"The last one was that\nof version \d+\.\d+\.\d+\S*, on (\d{4}-\d\d-\d\d)\.", PAGE.read_text("utf-8")
    )
    assert date.fromisoformat(written)


def test_the_page_has_the_faults_of_the_suite() -> None:
    assert told(PAGE.read_text("utf-8")) == [(fault.name, fault.happened) for fault in FAULTS]
