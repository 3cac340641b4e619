"""JSON as models write it that nobody holds to it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.chat.json_output.schema import read_schema
from sidecar.chat.json_output.sloppy import as_json
from sidecar.chat.json_output.validate import read_reply
from sidecar.errors import Failure


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ('{"n": 1,}', {"n": 1}),
        ("{'n': 1, 'b': True, 'c': None}", {"n": 1, "b": True, "c": None}),
        ("{'a': 'it\\'s \"so\"'}", {"a": 'it\'s "so"'}),
        ('{n: 1, my-key: "http://x//y"}', {"n": 1, "my-key": "http://x//y"}),
        ('{"n": 1 // one\n}', {"n": 1}),
        ('{/* a */ "n": 1, /* none */}', {"n": 1}),
        ('{"a": "x\ny\tz"}', {"a": "x\ny\tz"}),
        ("{\u201cn\u201d: 1}", {"n": 1}),
        ('data = {"rows": [{"n": 1}, {"n": 2},]}', {"rows": [{"n": 1}, {"n": 2}]}),
        ("Sure:\n```json\n{'n': 1}\n```\nAsk {me} again.", {"n": 1}),
        ('"{\\"n\\": 1}"', {"n": 1}),
    ],
)
def test_what_a_model_meant_is_read(reply: str, value: Any) -> None:
    assert read_reply(reply, {"type": "object"}) == value


@pytest.mark.parametrize(
    "reply",
    [
        '{"n": 1',
        '{"rows": [{"n": 1}, {"n": 2',
        "{'a': 'broken off]}",
        '{"n": 1 2}',
        '{"n": NaN}',
        '{"n": 1,, "m": 2}',
        "Sorry, {no} JSON: it's late.",
        "[,]",
    ],
)
def test_what_is_missing_is_never_added(reply: str) -> None:
    with pytest.raises(Failure, match="did not answer with JSON"):
        read_reply(reply, None)


@pytest.mark.parametrize(
    "pasted",
    [
        {"name": "n", "strict": True, "schema": {"type": "OBJECT", "required": ["n"]}},
        {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object", "required": ["n"]}},
        },
    ],
)
def test_a_schema_is_found_in_what_vendors_wrap_it_in(pasted: dict[str, Any]) -> None:
    assert read_schema(pasted) == {"type": "object", "required": ["n"]}
    assert read_schema({"type": "object", "description": "A name."}) is not None


def test_a_text_that_holds_json_stays_a_text_where_one_was_asked_for() -> None:
    assert read_reply('"{\\"n\\": 1}"', {"type": "string"}) == '{"n": 1}'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ).filter(lambda value: isinstance(value, dict | list))
)
def test_json_means_the_same_and_so_does_what_python_prints(value: Any) -> None:
    assert json.loads(as_json(json.dumps(value)) or "") == value
    assert json.loads(as_json(json.dumps(value, ensure_ascii=False)) or "") == value


@pytest.mark.parametrize("piece", ["/* ", "\u201c ", ", ", "a:", '\\"', "'"])
def test_what_is_never_closed_is_looked_through_once(piece: str) -> None:
    text = "{" + piece * (90_000 // len(piece)) + "}"
    assert as_json(text) is not None
    assert as_json(text * 2) is None


@pytest.mark.parametrize("piece", ["[", "{ ", '{"', "[\n\t", "[&quot"])
def test_an_answer_of_nothing_but_brackets_keeps_nobody_waiting(piece: str) -> None:
    text = piece * (90_000 // len(piece))
    begun = time.process_time()
    with pytest.raises(Failure):
        read_reply(text, {"type": "object"})
    assert time.process_time() - begun < 2
