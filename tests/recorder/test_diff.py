"""What a replay waits for before it sends what the client sent next."""

from __future__ import annotations

from typing import Any

from sidecar.recorder.diff import ClientMessages, unseen
from sidecar.recorder.matching import Bindings

JOB, JOB_NOW, OTHER = (f"{n}0000000-0000-4000-8000-000000000000" for n in range(3))


def seen(*messages: tuple[str, Any]) -> ClientMessages:
    found = ClientMessages()
    for method, params in messages:
        found.add({"jsonrpc": "2.0", "method": method, "params": params})
    return found


def progress(job: str, status: str, rows: int = 0) -> tuple[str, Any]:
    return "batch:progress", {"jobId": job, "status": status, "completedRows": rows}


def test_results_that_were_asked_for_when_a_batch_had_ended_are_asked_for_when_it_has_ended() -> None:
    before = seen(
        progress(JOB, "processing", 1), progress(JOB, "processing", 2), progress(JOB, "completed", 3)
    )
    bindings = Bindings(names={JOB: JOB_NOW})
    assert unseen(before, seen(), bindings) == "batch:progress"
    assert unseen(before, seen(progress(JOB_NOW, "processing", 2)), bindings) == "batch:progress"
    assert unseen(before, seen(progress(OTHER, "completed", 3)), bindings) == "batch:progress"
    assert unseen(before, seen(progress(JOB_NOW, "completed", 3)), bindings) is None


def test_how_often_a_running_batch_told_of_itself_is_not_waited_for() -> None:
    before = seen(progress(JOB, "processing", 1), progress(JOB, "processing", 2))
    assert unseen(before, seen(), Bindings()) is None


def test_any_other_notification_comes_again_first() -> None:
    refused = ("settings:invalidKey", {"provider": "openai"})
    assert unseen(seen(refused, refused), seen(refused), Bindings()) == "settings:invalidKey"
    assert unseen(seen(refused), seen(refused), Bindings()) is None
