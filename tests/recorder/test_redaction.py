from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.known_secrets import HIDDEN
from sidecar.recorder.redaction import Redaction

PLAIN = "looks like no key"


def save(params: Any, method: str = "settings:save") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


@pytest.mark.parametrize(
    "message",
    [
        save({"key": "apiKey", "provider": "openai", "value": PLAIN}),
        save([{"key": "apiKey", "provider": "openai", "value": PLAIN}]),
        save({"key": "openaiKey", "value": PLAIN}),
        save({"key": ["apiKey"], "value": {"mine": PLAIN}}),
        save(["apiKey", PLAIN]),
        save(PLAIN),
        save({"key": "apiKey", "value": PLAIN}, "settings:saveKey"),
        [save({"key": "apiKey", "value": PLAIN})],
        {"method": "chat:send", "params": {"options": {"api_key": PLAIN}}},
    ],
)
def test_a_key_that_is_being_saved_is_hidden_whatever_it_looks_like(message: Any) -> None:
    assert PLAIN not in json.dumps(Redaction(settings={"promptCacheTTL"}).request(message))


def test_a_setting_that_is_no_secret_stays() -> None:
    message = save({"key": "promptCacheTTL", "value": "1h"})
    assert Redaction(settings={"promptCacheTTL"}).request(message) == message


def test_removing_a_key_stays_removing_it() -> None:
    message = save({"key": "apiKey", "provider": "openai", "value": ""})
    assert Redaction().request(message) == message


def test_what_was_saved_is_hidden_wherever_it_comes_again() -> None:
    redaction = Redaction()
    redaction.request(save({"key": "apiKey", "provider": "openai", "value": "plain.word.secret"}))
    assert redaction.text("You sent plain.word.secret!") == f"You sent {HIDDEN}!"
    assert redaction.data(b"\xffplain.word.secret") == b"\xff" + HIDDEN.encode()


def test_a_key_is_found_in_every_spelling() -> None:
    key = 'quiet"key\\with/marks'
    redaction = Redaction(secrets=[key])
    hidden = redaction.text(f"{key} {json.dumps(key)} https://example.org/?q=quiet%22key%5Cwith%2Fmarks")
    assert hidden == f'{HIDDEN} "{HIDDEN}" https://example.org/?q={HIDDEN}'


def test_a_key_within_a_longer_one_leaves_nothing_of_the_longer_one() -> None:
    assert Redaction(secrets=["quietkey", "quietkey-and-more"]).text("quietkey-and-more") == HIDDEN


def test_a_short_key_is_no_secret_in_texts_but_is_never_saved_or_sent_in_the_open() -> None:
    redaction = Redaction(secrets=["ollama"])
    assert redaction.text("ollama runs here") == "ollama runs here"
    assert redaction.asked_headers({"Authorization": "Bearer ollama"}) == {"authorization": HIDDEN}


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "X-Goog-Api-Key"])
def test_the_key_in_a_header_is_hidden_there_and_known_from_then_on(header: str) -> None:
    redaction = Redaction()
    hidden = redaction.asked_headers({header: "Bearer plain.word.secret", "accept": "text/event-stream"})
    assert hidden == {header.lower(): HIDDEN, "accept": "text/event-stream"}
    assert redaction.text("plain.word.secret") == HIDDEN


def test_the_limits_that_a_vendor_tells_stay_and_its_cookies_do_not() -> None:
    hidden = Redaction().answered_headers({"x-ratelimit-remaining-tokens": "7", "Set-Cookie": "session=1"})
    assert hidden == {"x-ratelimit-remaining-tokens": "7", "set-cookie": HIDDEN}


def test_a_url_loses_its_password_and_the_secrets_of_its_query() -> None:
    hidden = Redaction().url("https://me:pass@example.org/v1/files?key=abc&alt=sse&X-Sig=1#top")
    assert hidden == f"https://example.org/v1/files?key={HIDDEN}&alt=sse&X-Sig={HIDDEN}"


def test_the_data_folder_is_not_named() -> None:
    redaction = Redaction(folder=Path("/home/somebody/data"))
    assert redaction.value({"path": "/home/somebody/data/exports/a.csv"}) == {
        "path": "<folder>/exports/a.csv"
    }
