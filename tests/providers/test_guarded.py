"""Whatever a vendor says of itself comes without the secrets of the run; what the model says stays as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from sidecar.errors import Failure
from sidecar.known_secrets import HIDDEN, KnownSecrets
from sidecar.providers.base import Citation, Done, Event, PreparedCall, TextDelta, Usage, UsageSoFar
from sidecar.providers.batches import BatchResult, BatchState
from sidecar.providers.bills import BilledLine
from sidecar.providers.guarded import GuardedBatches, GuardedProvider

KEY = "a-key-of-no-shape-0123456789"
PLAN = PreparedCall("/chat", {}, {"model": "m"})


class Telling:
    """A provider, and a batch API, whose every word is made of the key."""

    name = "lab"
    limits: Any = None

    def __init__(self, *said: Any) -> None:
        self.said = said

    async def stream(self, plan: PreparedCall, key: str, pacer: Any = None) -> AsyncGenerator[Event, None]:
        for each in self.said:
            if isinstance(each, Failure):
                raise each
            yield each

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        for each in self.said:
            yield each

    async def check(self, key: str, native_id: str) -> BatchState:
        state: BatchState = self.said[0]
        return state

    async def validate_key(self, key: str) -> str | None:
        return f"No: {key}"


def failure() -> Failure:
    return Failure("provider_rejected", f"It says: {KEY}", detail=f"d {KEY}", request_id=KEY)


def guarded(*said: Any) -> GuardedProvider:
    return GuardedProvider(Telling(*said), KnownSecrets())  # type: ignore[arg-type]


def guarded_batches(*said: Any) -> GuardedBatches:
    return GuardedBatches(Telling(*said), KnownSecrets())  # type: ignore[arg-type]


async def test_the_names_in_an_answer_are_left_out_and_its_text_stays() -> None:
    done = Done("stop", Usage(service_tier=KEY), KEY, KEY, (Citation(f"https://a.example/?q={KEY}", KEY),))
    events = [TextDelta(f"Your key is {KEY}"), UsageSoFar(Usage(), KEY, KEY), done]
    told = [event async for event in guarded(*events).stream(PLAN, KEY)]
    cited = Citation(f"https://a.example/?q={HIDDEN}", HIDDEN)
    assert told == [events[0], UsageSoFar(Usage()), Done("stop", Usage(), None, None, (cited,))]


async def test_a_page_that_is_cited_keeps_the_members_of_its_address() -> None:
    cited = Citation("https://a.example/?key=sk-0123456789", "On keys")
    assert [event async for event in guarded(cited).stream(PLAN, KEY)] == [cited]


async def test_a_failure_keeps_its_kind_and_loses_the_key() -> None:
    with pytest.raises(Failure) as raised:
        _ = [event async for event in guarded(failure()).stream(PLAN, KEY)]
    told = raised.value
    assert (told.kind, told.message, told.detail) == (
        "provider_rejected",
        f"It says: {HIDDEN}",
        f"d {HIDDEN}",
    )
    assert told.request_id == HIDDEN


async def test_why_a_key_is_refused_is_told_without_it() -> None:
    assert await guarded().validate_key(KEY) == f"No: {HIDDEN}"


async def test_what_came_of_a_row_is_told_without_the_key() -> None:
    whole = BatchResult("a", "text", done=Done("stop", None, KEY))
    state = BatchState("b1", "done", ended=True, results_ready=True)
    adapter = guarded_batches(whole, BatchResult("b", failure=failure()))
    first, second = [result async for result in adapter.results(KEY, state)]
    assert first.done == Done("stop", None)
    assert second.failure is not None
    assert second.failure.message == f"It says: {HIDDEN}"


async def test_how_a_batch_is_doing_is_told_without_the_key() -> None:
    state = BatchState(
        "b1", KEY, ended=True, results_ready=False, error=f"no, {KEY}", metadata={"tag": KEY, "other": "t1"}
    )
    told = await guarded_batches(state).check(KEY, "b1")
    assert (told.word, told.error) == (HIDDEN, f"no, {HIDDEN}")
    assert told.metadata == {"tag": HIDDEN, "other": "t1"}


@pytest.mark.parametrize("ids", [{"native_id": KEY}, {"native_id": "b1", "handles": {"output": f"f-{KEY}"}}])
async def test_a_batch_that_is_named_by_the_key_is_refused(ids: dict[str, Any]) -> None:
    state = BatchState(**ids, word="done", ended=True, results_ready=True)
    with pytest.raises(Failure, match="named a batch or a file by the API key"):
        await guarded_batches(state).check(KEY, "b1")


async def test_a_bill_that_quotes_the_key_is_told_without_it() -> None:
    class Billing:
        name = "openai"

        async def costs(self, key: str, first: date, last: date) -> tuple[BilledLine, ...]:
            return (BilledLine(first, f"gpt-5 {key}", f"tokens {key}", Decimal(1), key, f"tier {key}"),)

    secrets, key = KnownSecrets(), "adm-9876543210fedcba"
    guarded = GuardedProvider(cast(Any, Billing()), secrets)
    [line] = await guarded.costs(key, date(2026, 11, 1), date(2026, 11, 2))
    assert key not in f"{line}"
    assert line.usd == 1
