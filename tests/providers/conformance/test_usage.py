"""What was used, in parts that never overlap, through the whole of an answer."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.base import Usage
from tests.helpers.answers import collect, done_of
from tests.helpers.scripted import Reply
from tests.providers.conformance.vendor import KEY, Counts, Vendor


async def told(vendor: Vendor, stream: bytes) -> Usage | None:
    provider, _ = vendor.scripted(Reply(chunks=[stream]))
    events, failure = await collect(provider, vendor.plan(), KEY)
    assert failure is None
    return done_of(events).usage


@pytest.mark.parametrize(
    "counts",
    [
        Counts(prompt=10, output=5, reasoned=0),
        Counts(prompt=2_000, output=500, cached=1_024, reasoned=450),
        Counts(prompt=3, output=1, cached=3, reasoned=1),
    ],
)
async def test_cached_tokens_and_reasoning_are_parts_of_their_whole(vendor: Vendor, counts: Counts) -> None:
    assert await told(vendor, vendor.stream("Hi", counts=counts)) == vendor.parts(counts)


async def test_what_is_written_into_the_cache_is_a_part_of_the_prompt(vendor: Vendor) -> None:
    counts = Counts(prompt=2_000, output=500, cached=1_024, written=256, reasoned=450)
    assert await told(vendor, vendor.stream("Hi", counts=counts)) == vendor.parts(counts)


_COUNT = st.one_of(st.none(), st.integers(-5, 10**9), st.text(max_size=3), st.booleans())


@given(
    counts=st.fixed_dictionaries(dict.fromkeys(("prompt", "output", "cached", "written", "reasoned"), _COUNT))
)
async def test_parts_are_never_negative_and_add_up_to_the_prompt(
    vendor: Vendor, counts: dict[str, Any]
) -> None:
    logging.disable(logging.WARNING)
    try:
        usage = await told(vendor, vendor.raw_usage(counts))
    finally:
        logging.disable(logging.NOTSET)
    if usage is not None:
        inside = (usage.in_uncached, usage.cache_read, usage.cache_write_short, usage.cache_write_long)
        assert min(*inside, usage.out_visible, usage.out_reasoning) >= 0
        assert sum(inside) == usage.prompt_total
        output = counts["output"]
        if isinstance(output, int) and not isinstance(output, bool):
            assert usage.out_total >= output


async def test_a_part_larger_than_its_whole_is_held_back_and_logged(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    counts = {"prompt": 100, "output": 10, "cached": 0, "written": 0, "reasoned": 0}
    for more in vendor.too_large:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            usage = await told(vendor, vendor.raw_usage({**counts, **more}))
        assert usage is not None
        assert (min(usage.counts), usage.prompt_total, usage.out_total) == (0, 100, 10)
        assert len(caplog.records) == 1
