"""What went to the client, then and now: answers by their ids, streams by their tokens, notices by their names (pure).

Messages that raced may come in another order, and text may be cut elsewhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sidecar.recorder.matching import Bindings
from sidecar.recorder.reading import Session

# Answers that describe this very build, not what was done with it.
_NOT_COMPARED = frozenset({"rpc.discover"})
# Told several times a second, from which only the last word is the same in each run.
_LAST_ONLY = {"batch:progress": "jobId", "work:changed": "id"}
_ENDED = frozenset({"completed", "failed", "cancelled"})
# How a frame was refused that the recording could not keep.
_REFUSED_FRAMES = frozenset({-32700, -32040})


@dataclass(frozen=True, slots=True)
class Difference:
    """`line` is that of the recording, 0 where it has none."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}" if self.line else self.what


@dataclass(slots=True)
class ClientAnswer:
    line: int
    message: Any
    request: Any = None


@dataclass(slots=True)
class ClientMessages:
    """All that went to the client in one run."""

    answers: dict[str, list[ClientAnswer]] = field(default_factory=lambda: defaultdict(list))
    streams: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    notices: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, message: Any, line: int = 0) -> list[tuple[str, int]]:
        """Takes a frame in; gives the answers in it, as the id and how often it has been answered."""
        found = []
        for each in message if isinstance(message, list) else [message]:
            if "method" not in each:
                key = json.dumps(each.get("id"))
                self.answers[key].append(ClientAnswer(line, each))
                found.append((key, len(self.answers[key]) - 1))
            elif each["method"] == "$/progress":
                key = json.dumps(each["params"]["token"])
                self.lines.setdefault(key, line)
                self.streams[key].append(each["params"]["value"])
            else:
                self.lines.setdefault(each["method"], line)
                self.notices[each["method"]].append(each.get("params"))
        return found

    def streamed(self, key: str) -> int:
        """How many characters of text have come under this token."""
        return sum(len(value.get("text", "")) for value in self.streams.get(key, ()))


def messages_in(session: Session) -> ClientMessages:
    """What the recording says, with the request to each answer."""
    messages = ClientMessages()
    asked: dict[str, list[Any]] = defaultdict(list)
    for step in session.steps:
        if step.kind == ">":
            for each in step.message if isinstance(step.message, list) else [step.message]:
                if isinstance(each, dict) and "id" in each:
                    asked[json.dumps(each["id"])].append(each)
        elif step.kind == "<":
            messages.add(step.message, step.line)
    for key, answers in messages.answers.items():
        for answer, request in zip(answers, asked.get(key, ()), strict=False):
            answer.request = request
    return messages


def answer_difference(recorded: ClientAnswer, now: Any, bindings: Bindings) -> Difference | None:
    """How an answer differs from the recorded one. Binds the ids in it."""
    method = recorded.request.get("method", "") if isinstance(recorded.request, dict) else ""
    pattern = recorded.message
    if method in _NOT_COMPARED and "result" in pattern and "result" in now:
        return None
    if method == "settings:load" and isinstance(pattern.get("result"), str) and "…" in pattern["result"]:
        pattern = {**pattern, "result": "<text>"}
    problem = bindings.mismatch(pattern, now)
    if problem is None:
        return None
    return Difference(recorded.line, f"the answer to {method or 'a message'} (id {now.get('id')}): {problem}")


def excused(answer: ClientAnswer, session: Session) -> bool:
    """Whether an answer cannot come because what it answers could not be kept whole."""
    refused = session.unreadable > 0 and answer.message.get("error", {}).get("code") in _REFUSED_FRAMES
    cut = answer.request is not None and any(
        step.cut and step.message == answer.request for step in session.steps
    )
    return refused or cut


def missing(recorded: ClientMessages, now: ClientMessages, session: Session) -> Iterator[Difference]:
    """Answers that only one of the two has."""
    for key, answers in recorded.answers.items():
        for answer in answers[len(now.answers.get(key, ())) :]:
            if not excused(answer, session):
                yield Difference(answer.line, f"the answer with id {key} was recorded and did not come")
    if session.whole and not session.lost:
        for key, answers in now.answers.items():
            for _ in answers[len(recorded.answers.get(key, ())) :]:
                yield Difference(0, f"an answer with id {key} came that was not recorded")


def streams_and_notices(
    recorded: ClientMessages, now: ClientMessages, bindings: Bindings
) -> Iterator[Difference]:
    """Where streams and notifications differ, once all of them have come."""
    for key in recorded.streams.keys() | now.streams.keys():
        problem = bindings.mismatch(
            _by_model(recorded.streams.get(key, ())), _by_model(now.streams.get(key, ())), "$.value"
        )
        if problem is not None:
            yield Difference(recorded.lines.get(key, 0), f"the progress of {key}: {problem}")
    for method in recorded.notices.keys() | now.notices.keys():
        before = list(_worth_comparing(method, recorded.notices.get(method, ())))
        after = list(_worth_comparing(method, now.notices.get(method, ())))
        left = list(after)
        for pattern in before:
            found = next((each for each in left if bindings.copy().mismatch(pattern, each) is None), None)
            if found is None:
                problem = bindings.mismatch(pattern, left[0]) if left else "it did not come"
                yield Difference(recorded.lines.get(method, 0), f"the notification {method}: {problem}")
                break
            bindings.mismatch(pattern, found)
            left.remove(found)
        else:
            if left:
                yield Difference(0, f"the notification {method} came {len(left)} times more than recorded")


def unseen(before: ClientMessages, now: ClientMessages, bindings: Bindings) -> str | None:
    """A notification that was seen before and is yet to come again; of a job, which tells much, how it ended."""
    for method, notices in before.notices.items():
        came = now.notices.get(method, ())
        member = _LAST_ONLY.get(method)
        if member is None:
            if len(came) < len(notices):
                return method
            continue
        for each in notices:
            end = {member: each.get(member), "status": each.get("status")}
            ends = ({member: other.get(member), "status": other.get("status")} for other in came)
            if end["status"] in _ENDED and all(bindings.copy().mismatch(end, other) for other in ends):
                return method
    return None


def _by_model(values: Iterable[Any]) -> dict[str, Any]:
    """The streams under one token, one for each model, with neighbouring pieces of text joined."""
    models: dict[str, list[Any]] = defaultdict(list)
    for value in values:
        stream = models[str(value.get("modelId", ""))]
        if "text" in value and stream and stream[-1].get("type") == value.get("type"):
            stream[-1] = {**stream[-1], "text": stream[-1].get("text", "") + value["text"]}
        else:
            stream.append(value)
    return dict(models)


def _worth_comparing(method: str, params: Iterable[Any]) -> Iterable[Any]:
    member = _LAST_ONLY.get(method)
    if member is None:
        return params
    return {str(each.get(member)): each for each in params if isinstance(each, dict)}.values()
