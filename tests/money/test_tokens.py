from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.money import encodings
from sidecar.money.catalogue import Catalogue
from sidecar.money.encodings import Encoding, pieces
from sidecar.money.tokens import COUNTER, INLINE_CHARS, TokenCounter, counts_exactly, estimate, method_of
from sidecar.store.columns import storable

needs_tables = pytest.mark.skipif(
    not encodings.available(), reason="there is no tokenizer for this platform, so counts are estimates"
)


class Words:
    """An encoding that takes every word for a token, and writes down what it was asked."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.asked: list[str] = []
        self.begun = asyncio.Event()
        self._gate = gate
        self._loop = asyncio.get_running_loop()

    def count(self, text: str, /) -> int:
        self.asked.append(text)
        self._loop.call_soon_threadsafe(self.begun.set)
        if self._gate is not None:
            assert self._gate.wait(10), "nobody opened the gate: the loop stands still"
        return len(text.split())


def loaded(name: str) -> Encoding:
    encoding = encodings.load(name)
    assert encoding is not None
    return encoding


# What OpenAI itself publishes as examples of these two encodings.
@needs_tables
@pytest.mark.parametrize(
    ("text", "gpt_4", "gpt_4o"),
    [
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
        ("tiktoken is great!", 6, 6),
        ("", 0, 0),
    ],
)
async def test_openais_own_examples_are_counted_as_openai_does(text: str, gpt_4: int, gpt_4o: int) -> None:
    assert await COUNTER.count(text, "openai/gpt-4") == gpt_4
    assert await COUNTER.count(text, "openai/gpt-4o") == gpt_4o
    assert await COUNTER.count(text) == gpt_4o


@needs_tables
async def test_any_text_is_counted() -> None:
    assert await COUNTER.count("<|endoftext|>", "gpt-4o") == 7
    # More than a million characters, and half of a surrogate pair.
    assert await COUNTER.count("a b " * 300_000, "gpt-4o") == 600_001
    assert await COUNTER.count("\ud83d", "gpt-4o") == await COUNTER.count("\ufffd", "gpt-4o")
    assert await COUNTER.count("\ud83d\ude00", "gpt-4o") == await COUNTER.count("😀", "gpt-4o")


SCRAPS = [
    *["word", "Word", "it's", "I'LL", "'s", "’s", "x1y2", "123", "4567", "²3", "½", "ª", "_", "__init__"],
    *[" ", "  ", "\t", "\n", "\r\n", "\n\n", " \n ", "\u00a0", "\u3000", "\x1c", "\u200b", "\x00"],
    *[".", ",", "...", '"', "{", "}", "(x)", "[0]", "<a>", "=", "://", "/\n", "-", "'", "--"],
    *["天気", "。", "、", "हिन्दी", "e\u0301", "ق", "😀", "👩\u200d💻", "Ǆ", "ß", "\ud83d", "\ude00"],
]


@needs_tables
@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(SCRAPS), max_size=40).map("".join), st.integers(1, 8))
def test_the_counts_of_pieces_add_up_to_the_count_of_the_whole(text: str, size: int) -> None:
    for name in ("o200k_base", "cl100k_base"):
        encoding = loaded(name)
        assert encodings.count(encoding, text, size) == encoding.count(storable(text))


@needs_tables
@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60), st.integers(1, 8))
def test_so_do_those_of_any_text(text: str, size: int) -> None:
    encoding = loaded("o200k_base")
    assert encodings.count(encoding, text, size) == encoding.count(text)


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox. " * 50_000,
        '{"name":"x","value":12.5},' * 40_000,
        "SGVsbG8gd29ybGQ1Njc4OTAx" * 40_000,
        "人人生而自由,在尊严和权利上一律平等。" * 50_000,
        "line\r\n" * 200_000,
        "Все люди рождаются свободными и равными " * 25_000,
    ],
)
def test_a_large_text_is_cut_into_pieces_that_are_quickly_counted(text: str) -> None:
    cut = list(pieces(text, 10_000))
    assert "".join(cut) == text
    assert max(map(len, cut)) < 11_000


@pytest.mark.parametrize(
    "text", ["a" * 5_000_000, "\u0e01\u0e34" * 2_500_000, " " * 5_000_000, "é" * 1_048_576]
)
def test_a_text_without_a_place_to_cut_is_cut_all_the_same_and_counts_nearly_as_many(text: str) -> None:
    cut = list(pieces(text, 10_000))
    assert "".join(cut) == text
    assert max(map(len, cut)) <= encodings.MOST_PIECE_CHARS
    encoding = encodings.load("o200k_base")
    if encoding is not None:
        whole = encoding.count(text)
        assert whole == pytest.approx(encodings.count(encoding, text), abs=2 * len(cut))


async def test_the_loop_goes_on_while_a_large_text_is_counted() -> None:
    gate = threading.Event()
    words = Words(gate)
    counting = asyncio.create_task(TokenCounter(lambda name: words).count("a " * INLINE_CHARS))
    async with asyncio.timeout(60):
        await words.begun.wait()
        gate.set()
        assert await counting == INLINE_CHARS


async def test_the_same_text_is_counted_once_however_often_it_is_asked_for() -> None:
    words = Words()
    counter = TokenCounter(lambda name: words)
    large = "a b " * INLINE_CHARS
    async with asyncio.timeout(60):
        counts = await asyncio.gather(*(counter.count(large) for _ in range(20)))
        counts += [await counter.count(large, model) for model in ("gpt-4o", "grok/grok-4.7")]
        assert set(counts) == {2 * INLINE_CHARS}
    assert "".join(words.asked) == large


async def test_only_so_many_counts_are_remembered_the_oldest_is_forgotten() -> None:
    words = Words()
    counter = TokenCounter(lambda name: words, remembered=2)
    async with asyncio.timeout(60):
        for text in ("one", "two", "one", "three", "one", "two"):
            assert await counter.count(text) == 1
    assert words.asked == ["one", "two", "three", "two"]


async def test_an_encoding_is_loaded_with_the_first_count_and_once() -> None:
    asked: list[str] = []

    def load(name: str) -> Encoding | None:
        assert threading.current_thread() is not threading.main_thread()
        asked.append(name)
        return None

    counter = TokenCounter(load)
    async with asyncio.timeout(60):
        await asyncio.gather(*(counter.count("text", "gpt-4o") for _ in range(10)))
        await counter.count("text", "gpt-4")
    assert asked == ["o200k_base", "cl100k_base"]


async def test_where_there_is_no_tokenizer_counts_are_estimated() -> None:
    counter = TokenCounter(lambda name: None)
    async with asyncio.timeout(60):
        assert await counter.count("twelve bytes") == 3
        assert await counter.count("twelve bytes", "anthropic/claude-opus-5-5") == 5
        assert await counter.count("人权", "openai/gpt-4o") == 2
        assert await counter.count("") == 0


@needs_tables
@pytest.mark.parametrize(
    "text",
    [
        "Which European norm holds for the design of concrete structures, and since when? Answer in one line.",
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
        "async def count(self, text: str) -> int:\n    return len(text)\n",
    ],
)
def test_an_estimate_is_near_the_count(text: str) -> None:
    counted = encodings.count(loaded("o200k_base"), text)
    assert 0.75 * counted <= estimate(text) <= 1.25 * counted


@pytest.mark.parametrize(
    ("model", "encoding", "percent", "published"),
    [
        ("openai/gpt-4o", "o200k_base", 100, True),
        ("gpt-4o-mini", "o200k_base", 100, True),
        ("openai/gpt-4.1", "o200k_base", 100, True),
        ("openai/gpt-5.6-luna", "o200k_base", 100, True),
        ("openai/o3-2025-04-16", "o200k_base", 100, True),
        ("gpt-4", "cl100k_base", 100, True),
        ("openai/gpt-4-turbo", "cl100k_base", 100, True),
        ("gpt-3.5-turbo", "cl100k_base", 100, True),
        ("openai/gpt-6-luna", "o200k_base", 100, False),
        ("openrouter/openai/gpt-4o", "o200k_base", 100, False),
        ("openrouter/anthropic/claude-opus-5-5", "o200k_base", 150, False),
        ("gemini/gemini-3.8-flash", "o200k_base", 100, False),
        ("grok/grok-4.7", "o200k_base", 100, False),
        ("ollama/llama-5", "o200k_base", 100, False),
        ("", "o200k_base", 100, False),
        (None, "o200k_base", 100, False),
    ],
)
def test_each_model_has_its_way_of_counting(
    model: str | None, encoding: str, percent: int, published: bool
) -> None:
    method = method_of(model)
    assert (method.encoding, method.percent, method.published) == (encoding, percent, published)


def test_claude_from_4_7_on_cuts_a_text_into_more_tokens() -> None:
    claudes = [model for model in Catalogue.load().models if model.provider == "anthropic"]
    older = {model.id for model in claudes if method_of(model.full_id).percent == 120}
    assert older == {
        "claude-opus-4-6",
        "claude-opus-4-5",
        "claude-sonnet-4-6",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "claude-opus-4-1",
        "claude-opus-4-20250514",
        "claude-sonnet-4-20250514",
        "claude-3-7-sonnet-20250219",
        "claude-3-5-haiku-20241022",
        "claude-3-5-sonnet-20241022",
    }
    assert {method_of(model.full_id).percent for model in claudes} == {120, 150}


@needs_tables
def test_a_caller_can_tell_a_count_from_an_estimate() -> None:
    assert counts_exactly("openai/gpt-4o")
    assert not counts_exactly("openai/gpt-6-luna")
    assert not counts_exactly("anthropic/claude-opus-5-5")


@needs_tables
def test_nothing_is_loaded_before_the_first_count_and_then_only_what_counts() -> None:
    code = (
        "import asyncio, sys; from sidecar.money.tokens import COUNTER;"
        " assert not [name for name in sys.modules if 'bpe_openai' in name];"
        " assert asyncio.run(COUNTER.count('hello world')) == 2;"
        " assert 'bpe_openai' not in sys.modules;"
        " from bpe_openai import get_encoding;"
        " assert len(get_encoding('o200k_base').encode('hello world')) == 2"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
