"""The rise in price at OpenAI's regional hosts."""

from __future__ import annotations

import pytest

from sidecar.providers.base import Usage
from sidecar.providers.openai.region import REGIONAL, marked, surcharges


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("https://eu.api.openai.com/v1", (REGIONAL,)),
        ("https://US.api.openai.com/v1", (REGIONAL,)),
        ("https://api.openai.com/v1", ()),
        ("https://eu.api.openai.com.example/v1", ()),
        ("http://127.0.0.1:8000/v1", ()),
    ],
)
def test_a_regional_host_is_told_by_its_name(base_url: str, words: tuple[str, ...]) -> None:
    assert surcharges(base_url) == words


def test_every_usage_read_there_says_so() -> None:
    assert marked(lambda: Usage(in_uncached=1), (REGIONAL,))() == Usage(in_uncached=1, surcharges=(REGIONAL,))
    assert marked(lambda: None, (REGIONAL,))() is None
