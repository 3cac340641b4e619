"""The most tokens of a prompt, held against the tokenizers whose tables are public."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.money import encodings
from sidecar.money.cost_range import frame_tokens, most_tokens, sent_tokens
from sidecar.money.tokens import TokenCounter

# Dense texts beside those of every script: a token of each is of a byte or two.
SCRIPTS = ("Latin", "аяЪ", "ءي", "अह", "กฮ", "ꦲꦤ", "ᏣᎳ", "ᠮᠣ", "漢字かな", "한글", "👩🏽🚀🦩", "𓀀𒀀")
DENSE = st.sampled_from(("0123456789", "CNO=()[]@#123", "+/AbZz09=", '{}",:', " \t\n", "".join(SCRIPTS)))
TEXTS = st.one_of(
    st.text(max_size=300),
    DENSE.flatmap(lambda letters: st.text(st.sampled_from(letters), max_size=300)),
    st.text(st.sampled_from("0123456789")).map(" ".join),
)
SCHEMAS = st.dictionaries(TEXTS, st.fixed_dictionaries({"description": TEXTS}), max_size=5)
MANY = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def counted(name: str, text: str) -> int:
    encoding = encodings.load(name)
    if encoding is None:
        pytest.skip("there is no build of the tokenizer for this platform")
    return encodings.count(encoding, text)


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
@MANY
@given(text=TEXTS)
def test_no_text_of_any_script_has_more_tokens_than_its_most(name: str, text: str) -> None:
    assert counted(name, text) <= most_tokens(text)


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
@MANY
@given(text=TEXTS, properties=SCHEMAS)
def test_a_schema_in_any_script_is_in_what_is_sent_around_the_texts(
    name: str, text: str, properties: dict[str, Any]
) -> None:
    body = {"messages": [{"role": "user", "content": text}], "schema": properties}
    assert counted(name, json.dumps(properties, ensure_ascii=False)) <= frame_tokens(body, text)
    assert frame_tokens(body, text) + most_tokens(text) == sent_tokens(body)


def test_a_text_is_counted_to_the_token_where_the_tokenizer_of_its_model_is_public() -> None:
    text = "Nobody could say afterwards how long the evening had been. " * 50
    exact = TokenCounter().count_exactly(text, "openai/gpt-5")
    assert exact == counted("o200k_base", text)
    assert exact is not None
    assert 4 * exact < most_tokens(text)
    assert TokenCounter().count_exactly(text, "anthropic/claude-sonnet-5-5") is None
