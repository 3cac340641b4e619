from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.rpc.call import Call
from sidecar.rpc.dispatch import MAX_BATCH, Route
from tests.helpers.toy import ERRORS, ROUTES, Toys
from tests.helpers.wire import request
from tests.rpc.served import Served, ask, method

SIX_FORMS = [
    (..., None),
    (None, None),
    ([], None),
    ([None], None),
    ([{"a": 1}], {"a": 1}),
    ({"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("sent", "taken"), [*SIX_FORMS, ({}, {}), ([{}], {})])
async def test_params_may_be_written_in_six_ways(sent: Any, taken: Any) -> None:
    assert await ask(request("echo", sent)) == {"jsonrpc": "2.0", "id": 1, "result": taken}


@pytest.mark.parametrize("params", [[1], [1, 2], [{}, {}], [None, None], ["a"], [[]]])
async def test_params_by_position_are_invalid(params: Any) -> None:
    error = (await ask(request("echo", params)))["error"]
    assert error["code"] == -32602
    assert error["data"] == {
        "kind": "invalid_params",
        "retryable": False,
        "issues": [{"path": "", "message": "must be an object"}],
    }


@pytest.mark.parametrize(
    "number", [0, 1, -1, "", "a", None, 2**53, 2**63, 2**64, 2**70, 2**70 + 1, 1.5, 0.1, 1e300]
)
@pytest.mark.parametrize("name", ["echo", "crash", "fail", "nothing"])
async def test_the_id_that_was_sent_is_answered(number: Any, name: str) -> None:
    answer = await ask(request(name, {}, number))
    assert answer["id"] == number
    assert type(answer["id"]) is type(number)


@pytest.mark.parametrize(
    ("message", "answered"),
    [
        (5, None),
        ("text", None),
        (None, None),
        ({}, None),
        ({"id": 3}, 3),
        ({"jsonrpc": "1.0", "id": 3, "method": "echo"}, 3),
        ({"id": "x", "method": "echo"}, "x"),
        ({"jsonrpc": "2.0", "id": 3, "method": 5}, 3),
        ({"jsonrpc": "2.0", "method": 5, "params": "bar"}, None),
        ({"jsonrpc": "2.0", "id": 3, "method": "echo", "params": 5}, 3),
        ({"jsonrpc": "2.0", "id": 3, "method": "echo", "params": "bar"}, 3),
        ({"jsonrpc": "2.0", "id": True, "method": "echo"}, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "echo"}, None),
        ({"jsonrpc": "2.0", "id": {}, "method": "echo"}, None),
        ({"jsonrpc": "2.0", "id": 3, "result": None}, 3),
        ([], None),
    ],
)
async def test_what_is_not_a_request_is_answered_as_such(message: Any, answered: Any) -> None:
    answer = await ask(message)
    assert [answer["error"]["code"], answer["error"]["data"]["kind"]] == [-32600, "invalid_request"]
    assert answer["id"] == answered


async def test_unknown_members_are_ignored() -> None:
    assert (await ask({**request("echo", {"a": 1}), "meta": [1], "trace": "x"}))["result"] == {"a": 1}


async def test_an_unknown_method_is_named_in_a_sentence() -> None:
    error = (await ask(request("no:such")))["error"]
    assert error["code"] == -32601
    assert error["message"].startswith('There is no method named "no:such".')
    assert error["data"] == {"kind": "method_not_found", "retryable": False}


@pytest.mark.parametrize("name", ["echo", "crash", "fail", "leave", "nothing", "unserialisable", "strict"])
async def test_a_notification_gets_no_answer_even_when_it_fails(name: str) -> None:
    assert await Served().answers(request(name, id=...), request(name, [1, 2], id=...)) == []


async def test_a_failure_reaches_the_client_whole() -> None:
    assert (await ask(request("fail")))["error"] == {
        "code": -32012,
        "message": "Wait a moment, then try again.",
        "data": {"kind": "rate_limited", "retryable": True, "provider": "toy", "retryAfterMs": 1500},
    }


async def test_a_failure_may_say_itself_whether_it_is_worth_another_try() -> None:
    async def refuse(call: Any, params: Any) -> Any:
        raise Failure("rate_limited", "Not again.", retryable=False)

    assert (await ask(request("method"), method(refuse)))["error"]["data"]["retryable"] is False


async def test_the_issues_of_bad_params_reach_the_client() -> None:
    error = (await ask(request("strict", {})))["error"]
    assert [error["code"], error["data"]["issues"]] == [-32602, [{"path": "name", "message": "is missing"}]]


@pytest.mark.parametrize("name", ["crash", "leave", "unserialisable"])
async def test_a_bug_is_logged_and_shows_nothing_of_itself(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(request(name))
    assert answer["error"] == {
        "code": -32603,
        "message": ERRORS["internal_error"].sentence,
        "data": {"kind": "internal_error", "retryable": False},
    }
    assert any(record.exc_info for record in caplog.records)


async def test_a_failure_of_an_unknown_kind_is_a_bug() -> None:
    async def fail(call: Any, params: Any) -> Any:
        raise Failure("unheard_of", "secret")

    answer = await ask(request("method"), method(fail))
    assert [answer["error"]["code"], "secret" in str(answer)] == [-32603, False]


async def test_a_parser_that_fails_is_a_bug_too() -> None:
    answer = await ask(request("method"), Route("method", ROUTES["echo"].handler, lambda params: [][0]))
    assert answer["error"]["code"] == -32603


async def test_results_that_json_does_not_have_are_mended() -> None:
    assert (await ask(request("numbers")))["result"] == [None, None, 2**70, "\ufffd"]


async def test_a_result_that_is_json_already_is_taken_as_it_is() -> None:
    assert (await ask(request("raw", id=2**70))) == {"jsonrpc": "2.0", "id": 2**70, "result": {"ready": True}}


async def test_a_notification_that_is_asked_answers_null() -> None:
    assert (await ask(request("told", {"a": 1})))["result"] is None


async def test_answers_leave_in_the_order_in_which_they_are_ready() -> None:
    ready = asyncio.Event()

    async def slow(call: Any, params: Any) -> Any:
        await ready.wait()

    async def fast(call: Any, params: Any) -> Any:
        ready.set()

    served = Served(method(slow, "slow"), method(fast, "fast"))
    answers = await served.answers(request("slow", id=1), request("fast", id=2))
    assert [answer["id"] for answer in answers] == [2, 1]


async def test_a_batch_is_answered_in_one_array_when_all_have_ended() -> None:
    batch = [
        request("echo", {"a": 1}, 1),
        request("echo", {"a": 2}, ...),
        request("nothing", {}, 2**70),
        request("echo", {}, "a"),
        5,
        [],
        {"jsonrpc": "2.0", "id": None, "method": "crash"},
    ]
    (answers,) = await Served().answers(batch)
    codes = {str(answer["id"]): answer.get("error", {}).get("code") for answer in answers}
    assert codes == {"1": None, "a": None, str(2**70): -32601, "None": -32603}
    assert sorted(str(answer["error"]["code"]) for answer in answers if answer["id"] is None) == [
        "-32600",
        "-32600",
        "-32603",
    ]


async def test_a_batch_of_one_is_answered_in_an_array() -> None:
    assert await ask([request("echo")]) == [{"jsonrpc": "2.0", "id": 1, "result": None}]


async def test_a_batch_of_notifications_gets_no_answer() -> None:
    assert await Served().answers([request("echo", id=...), request("crash", id=...)]) == []


async def test_a_batch_runs_concurrently() -> None:
    meeting = asyncio.Barrier(3)

    async def meet(call: Any, params: Any) -> Any:
        await meeting.wait()

    served = Served(method(meet))
    (answers,) = await served.answers([request("method", id=number) for number in range(3)])
    assert sorted(answer["id"] for answer in answers) == [0, 1, 2]


def progressing(*values: Any) -> Route:
    async def handler(call: Call[Toys], params: Any) -> Any:
        for value in values:
            call.progress(value)
        return "done"

    return method(handler)


@pytest.mark.parametrize("token", ["t", 7, 0])
@pytest.mark.parametrize("form", ["object", "list"])
async def test_progress_leaves_before_the_response(token: Any, form: str) -> None:
    params = {"partialResultToken": token}
    served = Served(progressing({"type": "text", "text": "a"}, {"type": "done"}))
    assert await served.answers(request("method", params if form == "object" else [params])) == [
        {"jsonrpc": "2.0", "method": "$/progress", "params": {"token": token, "value": value}}
        for value in ({"type": "text", "text": "a"}, {"type": "done"})
    ] + [{"jsonrpc": "2.0", "id": 1, "result": "done"}]


@pytest.mark.parametrize("params", [..., {}, {"partialResultToken": None}, {"partialResultToken": True}])
async def test_who_gives_no_token_gets_no_progress(params: Any) -> None:
    assert await ask(request("method", params), progressing({"type": "done"}))


async def test_progress_that_comes_after_the_response_is_not_sent() -> None:
    kept: list[Call[Toys]] = []

    async def handler(call: Call[Toys], params: Any) -> Any:
        kept.append(call)

    served = Served(method(handler))
    await served.send(request("method", {"partialResultToken": "t"}))
    await served.dispatcher.in_flight.idle()
    kept[0].progress({"type": "text", "text": "late"})
    assert [answer["id"] for answer in await served.answers()] == [1]


async def test_after_shutdown_only_exit_is_taken() -> None:
    served = Served()
    await served.send(request("shutdown", id=1))
    await served.dispatcher.in_flight.idle()
    answers = await served.answers(
        request("echo", id=2), request("nothing", id=3), request("echo", id=...), request("shutdown", id=4), 5
    )
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (1, None),
        (2, -32050),
        (3, -32050),
        (4, -32050),
        (None, -32600),
    ]
    assert served.exits == 0
    await served.send(request("exit", id=...))
    assert served.exits == 1


async def test_a_shutdown_of_the_application_is_used_and_may_fail() -> None:
    async def refuse(call: Any, params: Any) -> Any:
        raise Failure("rate_limited", "Not now.")

    served = Served(method(refuse, "shutdown"))
    await served.send(request("shutdown", id=1))
    await served.dispatcher.in_flight.idle()
    answers = await served.answers(request("echo", id=2))
    assert ["error" in answer for answer in answers] == [True, False]


async def test_exit_with_an_id_is_answered_too() -> None:
    served = Served()
    assert await served.answers(request("exit", id=5)) == [{"jsonrpc": "2.0", "id": 5, "result": None}]
    assert served.exits == 1


async def test_no_body_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await Served().answers(
        request("fail", {"key": "sk-secret"}), request("nothing", {"key": "sk-secret"}, ...)
    )
    assert "sk-secret" not in caplog.text


async def test_a_batch_of_too_many_is_refused_as_a_whole() -> None:
    served = Served()
    (answer,) = await served.answers([request("exit", ..., ...)] * (MAX_BATCH + 1))
    assert answer["error"]["data"]["kind"] == "invalid_request"
    assert served.exits == 0


async def test_an_answer_that_no_message_can_hold_becomes_an_error() -> None:
    (answer,) = await Served(max_bytes=1000).answers(request("echo", {"text": "x" * 1000}, 5))
    assert answer["id"] == 5
    assert answer["error"]["data"]["kind"] == "message_too_large"


async def test_answers_that_one_message_cannot_hold_leave_in_several() -> None:
    asked = [request("echo", {"text": "x" * 300}, number) for number in range(7)]
    answers = await Served(max_bytes=1000).answers(asked)
    assert len(answers) > 1
    assert sorted(each["id"] for answer in answers for each in answer) == list(range(7))
    assert all(len(json.dumps(answer, separators=(",", ":"))) <= 1000 for answer in answers)
