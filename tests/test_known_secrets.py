"""What is known to be a secret is found however it is written, and nothing else is hidden."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest

from sidecar.known_secrets import HIDDEN, RUN, KnownSecrets

KEY = "k-7f3Qz+9LmW2/pXr8TnB5vYc1Hd=="
LOGIN = f"ada:{KEY}".encode()


def knowing(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.learn(secret)
    return known


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        KEY[:RUN],
        KEY[-RUN:],
        KEY[5 : 5 + RUN],
        KEY.lower(),
        KEY.upper(),
        quote(KEY, safe=""),
        quote(quote(KEY, safe=""), safe=""),
        quote(KEY, safe="").lower(),
        "".join(f"%{ord(letter):02X}" for letter in KEY),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
        f"{KEY[:20]}\n{KEY[20:]}",
        f"{KEY[:5]}\r\n    {KEY[5:11]}\r\n    {KEY[11:]}",
        f"{KEY[:11]}\\n{KEY[11:]}",
        f"{KEY[:11]}\u200b{KEY[11:]}",
        json.dumps(KEY)[1:-1].replace("/", "\\/").replace("+", "\\u002b"),
        KEY.replace("+", "&#43;").replace("/", "&#x2F;"),
    ],
)
def test_a_key_is_hidden_in_each_spelling(spelled: str) -> None:
    assert knowing(KEY).hide(f"before {spelled} after") == f"before {HIDDEN} after"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", [b"", b"x", b"ada:", b"Bearer "])
def test_base64_of_what_a_key_is_part_of_gives_nothing_of_it_away(encode: object, before: bytes) -> None:
    assert callable(encode)
    spelled = encode(before + KEY.encode()).decode()
    hidden = knowing(KEY).hide(spelled)
    assert HIDDEN in hidden
    assert not any(spelled[at : at + RUN] in hidden for at in range(4, len(spelled) - RUN - 4))


def test_a_key_that_comes_twice_is_hidden_twice() -> None:
    assert knowing(KEY).hide(f"{KEY} {KEY}") == f"{HIDDEN} {HIDDEN}"


@pytest.mark.parametrize(
    "text", ["", "nothing of it", KEY[: RUN - 1], "short", "İ" * 20, "100 % of it\n\tis &amp; \\n fine"]
)
def test_what_gives_nothing_away_stays(text: str) -> None:
    assert knowing(KEY, "short").hide(text) == text


def test_a_secret_between_the_bounds_is_hidden_as_a_whole() -> None:
    known = knowing("tenlettres")
    assert known.hide("it is tenlettres!") == f"it is {HIDDEN}!"
    assert known.hide("it is tenlettre") == "it is tenlettre"


def test_a_long_secret_of_one_letter_takes_no_time() -> None:
    assert knowing("a" * 40).hide("a" * 100_000) == HIDDEN


def test_texts_in_json_are_hidden_wherever_they_stand() -> None:
    value = {"list": [KEY, 1, None], KEY: {"deep": f"a {KEY}"}}
    assert knowing(KEY).hide_in(value) == {"list": [HIDDEN, 1, None], HIDDEN: {"deep": f"a {HIDDEN}"}}


def test_the_password_of_an_address_is_hidden_as_it_is_written_and_as_it_is_meant() -> None:
    known = KnownSecrets()
    known.learn_address("http://ada:p%40ssw%C3%B6rd-of-ada@127.0.0.1:8000/v1")
    known.learn_address("bob:password-of-bob@proxy.example:3128")
    known.learn_address("http://[broken")
    assert known.hide("p@sswörd-of-ada, p%40ssw%C3%B6rd-of-ada, password-of-bob") == ", ".join([HIDDEN] * 3)


def test_the_variables_of_the_environment_that_hold_secrets_are_known() -> None:
    known = KnownSecrets()
    known.learn_environment(
        {"LAB_API_KEY": KEY, "https_proxy": "http://a:proxy-password@p:1", "KEYBOARD": "qwertzuiop"}
    )
    assert known.hide(f"{KEY} proxy-password qwertzuiop") == f"{HIDDEN} {HIDDEN} qwertzuiop"


@pytest.mark.parametrize("login", ["tok-0123456789abcdef", "tok-0123456789abcdef:", "tok-0123456789abcdef:x"])
def test_a_token_in_the_place_of_a_login_is_hidden(login: str) -> None:
    secrets = KnownSecrets()
    secrets.learn_address(f"http://{login}@lab.example/v1")
    assert "0123456789abcdef" not in secrets.hide("It said tok-0123456789abcdef again.")
    secrets.learn_environment({"OPENAI_ADMIN_KEY": "adm-9876543210fedcba"})
    assert "9876543210" not in secrets.hide_known("You used adm-9876543210fedcba.")


def test_the_keys_in_the_query_of_an_address_are_hidden() -> None:
    known = KnownSecrets()
    known.learn_address(
        "https://gate.example/v1?api-version=2024-10-21-preview&api-key=q8%2BZr-7fLm2pXw&code=Kd73jPq0ZnWs"
    )
    said = known.hide("q8+Zr-7fLm2pXw, q8%2BZr-7fLm2pXw and Kd73jPq0ZnWs of 2024-10-21-preview")
    assert said == f"{HIDDEN}, {HIDDEN} and {HIDDEN} of 2024-10-21-preview"


@pytest.mark.parametrize(
    "piece", ["\\", "%25", "&#0", "\\n", "\u200b ", "Bearer ", "api key provided: ", KEY[:6]]
)
def test_a_text_of_nothing_but_what_may_spell_a_key_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    knowing(KEY).hide(piece * 50_000 + KEY)
    assert time.process_time() - begun < 3


def test_a_key_behind_any_number_of_backslashes_is_found() -> None:
    for count in range(1, 8):
        spelled = KEY[:9] + "\\" * count + f"u00{ord(KEY[9]):02x}" + KEY[10:]
        assert knowing(KEY).hide(f"before {spelled} after") == f"before {HIDDEN} after"


def test_a_word_that_was_shown_is_hidden_once_it_is_known_to_be_a_key() -> None:
    known = KnownSecrets()
    words = [f"word-{number}" for number in range(600)]
    assert [known.hide(text) for text in (KEY, *words, KEY)] == [KEY, *words, KEY]
    known.learn(KEY)
    assert [known.hide(text) for text in (KEY, words[0], KEY)] == [HIDDEN, words[0], HIDDEN]
