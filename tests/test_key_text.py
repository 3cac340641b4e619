"""Keys as people paste them."""

from __future__ import annotations

import pytest

from sidecar.key_text import NotAKey, clean_key


@pytest.mark.parametrize(
    "pasted",
    [
        "sk-one",
        "  sk-one \n",
        "\u00a0sk-one\u200b",
        "\ufeffsk-one",
        '"sk-one"',
        "'sk-one'",
        "“sk-one”",
        "`sk-one`",
        "OPENAI_API_KEY=sk-one",
        "export OPENAI_API_KEY='sk-one'",
        'OPENAI_API_KEY="sk-one"; # mine',
        '$env:OPENAI_API_KEY = "sk-one"',
        "openai_api_key: sk-one",
        "sk-one;",
        "sk-one,",
        "sk-one # mine",
        "sk-one  // of the lab",
        '"sk-one",',
        "sk-one//mine",
        'OPENAI_API_KEY="sk-one"//mine',
    ],
)
def test_what_stands_around_a_key_is_taken_off(pasted: str) -> None:
    assert clean_key(pasted) == "sk-one"


@pytest.mark.parametrize("key", ["AbC+/dEf0123==", "AbC//dEf0123", "KEY=", "a#b", "gsk_x;y", "0x'quoted"])
def test_a_key_with_odd_letters_of_its_own_stays_whole(key: str) -> None:
    assert clean_key(key) == key


@pytest.mark.parametrize("key", ["sk-ant-api03-one", "sk-proj-one", "AIzaOne", "xai-one"])
@pytest.mark.parametrize("comment", ["#mine", "//of the lab", "// Ada's, 2026", "//mine;"])
def test_a_comment_is_taken_off_a_vendor_s_own_key_without_a_blank_between(key: str, comment: str) -> None:
    assert clean_key(key + comment) == key


@pytest.mark.parametrize("nothing", ["", "  ", '""', " \u00a0\n"])
def test_nothing_but_wrapping_is_no_key(nothing: str) -> None:
    assert clean_key(nothing) == ""


@pytest.mark.parametrize(
    ("pasted", "told"),
    [
        ("Bearer sk-one", "without the word in front"),
        ("Authorization: Bearer sk-one", "without the word in front"),
        ("sk-…abcd", "masked form"),
        ("sk-****abcd", "masked form"),
        ("sk-...abcd", "masked form"),
        ("two words", "one line"),
        ("line\nbreak", "one line"),
        ("schlüssel", "one line"),
        ("ｓｋ－one", "one line"),
        ("nul\0", "one line"),
    ],
)
def test_what_is_not_certainly_a_key_is_refused_without_repeating_it(pasted: str, told: str) -> None:
    with pytest.raises(NotAKey, match=told) as caught:
        clean_key(pasted)
    assert pasted not in str(caught.value)


KEY = "sk-abcDEF0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        '"{}',
        "{}'",
        "{}\\n",
        '\\"{}\\"',
        "<{}>",
        "({})",
        "[{}],",
        "api-key: {}",
        "x-api-key: {}",
        "key={}",
        "\ufeff{}\r\n",
    ],
)
def test_more_of_what_surrounds_a_key_is_taken_off(text: str) -> None:
    assert clean_key(text.format(KEY)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "your-api-key",
        "YOUR_API_KEY",
        "<your key>",
        "$OPENAI_API_KEY",
        "${KEY}",
        "%API_KEY%",
        "undefined",
        "https://x.y",
    ],
)
def test_what_stands_in_the_place_of_a_key_is_none(text: str) -> None:
    with pytest.raises(NotAKey):
        clean_key(text)


def test_a_name_without_a_key_is_no_key_and_a_word_for_a_local_server_is_one() -> None:
    assert clean_key("OPENAI_API_KEY=") == ""
    assert clean_key("EMPTY") == "EMPTY"
