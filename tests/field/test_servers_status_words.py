"""Statuses that tell more than a yes or a no: each is told as what it is, with what to look at."""

from __future__ import annotations

import json

import pytest

from tests.field.hostile import Answer, head, raw
from tests.field.lab import Lab, ask
from tests.helpers.process import RpcError

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The vendor's own word on asking again keeps these stories short; what is asked again by itself is told elsewhere.
ONCE = {"x-should-retry": "false"}
PAGE = b"<html><head><title>Oh</title></head><body><center>nginx</center></body></html>"
WORDS = json.dumps({"error": {"message": "The words of the server"}}).encode()

TOLD = {
    409: "Try again in a moment",
    410: "gone for good",
    421: "does not answer for the lab API",
    423: "locked",
    425: "so early",
    426: "begins with https://",
    431: "Check the API key",
    451: "law or a court",
    505: "version of HTTP",
    507: "no room left",
    508: "round in circles",
    520: "does not understand",
    521: "refused by the server behind it",
    522: "cannot connect to the server behind it",
    523: "find the way",
    525: "encryption",
    526: "does not trust the certificate",
    530: "does not find the server behind it",
}


def answer(status: int, body: bytes, **headers: str) -> Answer:
    kind = "text/html" if body.startswith(b"<") else "application/json"
    return raw(head(status, {**ONCE, **headers}, kind), body)


async def told(lab: Lab, said: Answer) -> str:
    lab.switch.say(said)
    with pytest.raises(RpcError) as caught:
        await ask(lab.process)
    assert len(lab.switch.asked) == 1
    assert "costAtMostUSD" not in caught.value.data
    return caught.value.message


@pytest.mark.parametrize("status", TOLD)
async def test_a_status_is_told_as_what_it_is(status: int, lab: Lab) -> None:
    message = await told(lab, answer(status, b""))
    assert TOLD[status] in message
    assert f"({status})" in message
    assert "Change it" not in message


@pytest.mark.parametrize("status", TOLD)
async def test_the_words_of_the_server_stand_beside_what_its_status_means(status: int, lab: Lab) -> None:
    message = await told(lab, answer(status, WORDS))
    assert TOLD[status] in message
    assert "It says: The words of the server." in message


@pytest.mark.parametrize("status", [409, 423, 425, 426, 431, 451, 508, 521, 526])
async def test_a_page_that_comes_with_such_a_status_is_no_login_of_the_network(status: int, lab: Lab) -> None:
    message = await told(lab, answer(status, PAGE))
    assert TOLD[status] in message
    assert "login" not in message


async def test_a_long_wait_is_told_whatever_the_status_means(lab: Lab) -> None:
    assert "in 3 h" in await told(lab, answer(521, b"", **{"retry-after": "10800"}))
