from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.batch import template
from sidecar.batch.row import Row
from sidecar.errors import Failure


@pytest.mark.parametrize(
    ("text", "data", "filled"),
    [
        ("Sum up {{text}}.", {"text": "EN 1992"}, "Sum up EN 1992."),
        ("{{ spaced }}", {"spaced": "yes"}, "yes"),
        ("{{Column Name}}", {"Column Name": "with a space"}, "with a space"),
        ("{{a}}{{a}}{{b}}", {"a": "1", "b": "2"}, "112"),
        ("{{n}} {{f}} {{t}} {{l}}", {"n": 3, "f": 1.5, "t": True, "l": ["é"]}, '3 1.5 true ["é"]'),
        ("{{empty}}", {"empty": ""}, ""),
        ("{single} {{}} { {a} }", {"a": "1"}, "{single} {{}} { {a} }"),
        ("{{a}}", {"a": "{{b}}", "b": "not filled twice"}, "{{b}}"),
        ("no variables", {}, "no variables"),
        ("\\{{a}} {{a}} \\\\{{ b }}", {"a": "1"}, "{{a}} 1 \\{{ b }}"),
    ],
)
def test_variables_are_filled_in_once(text: str, data: dict[str, Any], filled: str) -> None:
    assert template.fill(text, data) == filled


@pytest.mark.parametrize(
    ("texts", "data", "lacking"),
    [
        (("{{b}} {{a}} {{b}}", None), {}, ["b", "a"]),
        (("{{a}}", "{{c}}"), {"a": ""}, ["c"]),
        (("{{a}}", None), {"a": None}, ["a"]),
        (("{{a}}", None), {"a": 0}, []),
        (("plain", "plain"), {}, []),
        (("\\{{a}} {{b}}", None), {}, ["b"]),
    ],
)
def test_names_that_the_data_lacks_are_told_in_their_order(
    texts: tuple[str | None, ...], data: dict[str, Any], lacking: list[str]
) -> None:
    assert template.missing(texts, data) == lacking


@given(st.text("{} \\ab", max_size=20))
def test_what_is_escaped_is_filled_to_itself(text: str) -> None:
    assert template.fill(template.escape(text), {"a": "1"}) == text
    assert template.missing((template.escape(text),), {}) == []


def test_rows_of_one_template_share_a_name_whatever_their_data() -> None:
    name = template.fingerprint("Sum up {{text}}", None)
    assert name == template.fingerprint("Sum up {{text}}", "")
    assert name != template.fingerprint("Sum up {{text}}", "Briefly.")
    assert name != template.fingerprint("Sum up {{other}}", None)
    # A half of a surrogate pair is no reason to fail.
    assert template.fingerprint("\ud83d", None)


def _row(**members: Any) -> Row:
    return Row({"id": "r1", "prompt": "Do {{x}}", "model": "m", **members})


@pytest.mark.parametrize(
    ("members", "mode"),
    [
        ({}, None),
        ({"jsonMode": True}, True),
        ({"data": {"jsonMode": "TRUE"}}, True),
        ({"data": {"jsonMode": "no"}}, False),
        ({"data": {"jsonMode": ""}}, None),
        ({"data": {"jsonMode": 1}}, True),
        ({"jsonMode": False, "data": {"jsonMode": True}}, False),
        ({"data": {"jsonMode": {"odd": 1}}}, None),
    ],
)
def test_json_mode_is_the_rows_own_word_or_that_of_its_data(
    members: dict[str, Any], mode: bool | None
) -> None:
    assert _row(**members).options().json_mode is mode


def test_a_schema_may_stand_in_the_data_as_text_and_in_the_renderers_spelling() -> None:
    row = _row(data={"jsonSchema": '{"type": "object", "properties": {"trend": "string"}}'})
    assert row.options().json_schema == {"type": "object", "properties": {"trend": {"type": "string"}}}
    with pytest.raises(Failure, match="schema"):
        _row(jsonSchema="{not json").options()


def test_the_system_prompt_is_filled_in_too() -> None:
    row = _row(system="Be {{x}}.", data={"x": "brief"})
    assert (row.filled_prompt(), row.options().system) == ("Do brief", "Be brief.")
