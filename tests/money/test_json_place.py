"""Where a member stands in a text that a person wrote."""

from __future__ import annotations

import pytest

from sidecar.money.json_place import find

TEXT = b"""\xef\xbb\xbf{
  "providers": {"lab": {"baseUrl": "http://[::1]"}},
  "models": [
    {"id": "a, ]}"},
    {"id": "b",
     "contextSize": "much"}
  ]
}
"""


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("models[1].contextSize", (6, 21)),
        ("providers.lab.baseUrl", (2, 36)),
        ("models[0]", (4, 5)),
        ("models[1].missing", (5, 5)),  # the last on the way that is there
        ("the file", None),
        ("lab/llama", None),
    ],
)
def test_a_member_is_found_by_its_path(where: str, expected: tuple[int, int] | None) -> None:
    assert find(TEXT, where) == expected


@pytest.mark.parametrize("content", [b"", b"{", b"[", b"\xff", b'{"models": [1'])
def test_what_is_no_json_has_no_places(content: bytes) -> None:
    assert find(content, "models[7].id") is None
