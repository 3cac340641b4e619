"""Params that are read without a model are what the model would have made of them, or are left to it."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sidecar.contract.flat import FLAT
from sidecar.methods import flat_params

_TEXTS = st.sampled_from(["", "a", "all", "user", "5m", "x" * 300])
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from([10**6, 2**53, 2**70, 10**400, -1.0, 0.5, 3.0]),
    _TEXTS,
    st.just([]),
    st.just({}),
    st.dictionaries(_TEXTS, st.integers(), max_size=2),
)
_OF_A_KIND: dict[str, st.SearchStrategy[Any]] = {
    "str": _TEXTS,
    "int": st.integers(-2, 70),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "dict": st.dictionaries(_TEXTS, st.integers(), max_size=2),
    "any": _VALUES,
}


def _params(members: tuple[Any, ...]) -> st.SearchStrategy[dict[str, Any]]:
    likely = {
        wire: _VALUES if draw is None else st.one_of(draw, draw, draw, draw, _VALUES)
        for wire, _, kind, *_ in members
        for draw in [_likely(kind)]
    }
    others = st.dictionaries(
        st.sampled_from([name for _, name, *_ in members] + ["zzz"]), _VALUES, max_size=1
    )
    rare = st.one_of(st.just({}), st.just({}), others)
    needed = {wire: likely[wire] for wire, _, _, required, *_ in members if required}
    optional = {wire: likely[wire] for wire in likely if wire not in needed}
    return st.tuples(rare, st.fixed_dictionaries(needed, optional=optional)).map(
        lambda two: {**two[0], **two[1]}
    )


def _likely(kind: Any) -> st.SearchStrategy[Any] | None:
    if isinstance(kind, frozenset):
        return st.sampled_from(sorted(kind))
    return _params(kind) if isinstance(kind, tuple) else _OF_A_KIND[kind]


def _plain(value: Any) -> Any:
    if isinstance(value, SimpleNamespace):
        return {name: _plain(each) for name, each in vars(value).items() if name != "_members"}
    return value


def _asked() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(sorted(FLAT)).flatmap(lambda name: st.tuples(st.just(name), _params(FLAT[name])))


@given(_asked())
@settings(max_examples=300, deadline=None)
def test_what_is_read_without_a_model_is_what_the_model_says(asked: tuple[str, dict[str, Any]]) -> None:
    name, raw = asked
    module, _, type_name = name.partition(".")
    model = getattr(importlib.import_module(f"sidecar.contract.types.{module}"), type_name)
    read = flat_params.read(FLAT[name], raw)
    if read is None:
        return
    try:
        judged = model.model_validate(raw)
    except ValidationError as error:
        raise AssertionError(f"{name} took {raw}, which the model refuses: {error}") from error
    assert _plain(read) == judged.model_dump()
    assert [type(value) for value in _plain(read).values()] == [
        type(value) for value in judged.model_dump().values()
    ]


def test_most_of_what_a_client_sends_is_read_without_a_model() -> None:
    sent: dict[str, dict[str, Any]] = {
        "system.InitializeParams": {"protocolVersion": "1.0", "client": {"name": "app", "version": "1"}},
        "messages.MessagesAddParams": {"conversationId": "c", "role": "user", "content": "", "cost": 1},
        "settings.SettingsSaveParams": {"key": "jsonMode", "value": False},
        "chat.ChatAbortParams": {"conversationId": "c"},
    }
    for name, raw in sent.items():
        assert flat_params.read(FLAT[name], raw) is not None, name
