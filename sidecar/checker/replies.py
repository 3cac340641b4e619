"""Replies in JSON held against their schemas: at once where that is certainly little work, else in the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.chat.json_output import validate
from sidecar.checker import patterns
from sidecar.checker.bounds import CPU_SECONDS, MEMORY_BYTES
from sidecar.checker.cost import is_small
from sidecar.checker.process import CheckerProcess, NoWorker, Overrun
from sidecar.errors import Failure
from sidecar.providers.base import FinishReason

log = logging.getLogger("sidecar.checker")

TOO_LONG = (
    f"Holding the model's JSON against the schema took longer than {CPU_SECONDS:g} seconds and was given up: a pattern "
    "with a repetition inside a repetition, references, or uniqueItems over a long list can do that. The answer is "
    "kept unchecked; simplify the schema before you ask again."
)
TOO_LARGE = (
    f"Holding the model's JSON against the schema took more memory than {MEMORY_BYTES // 2**20} MB and was given up. "
    "The answer is kept unchecked; simplify the schema, or ask for a shorter answer."
)
NOT_CHECKED = (
    "The model's JSON could not be held against the schema; the log says why. The answer is kept unchecked. Simplify "
    "the schema, or start A-B/AI again."
)


class ReplyChecker:
    """Reads replies. Whoever asks is never kept waiting by the replies of others for longer than the bounds."""

    def __init__(self, process: CheckerProcess | None = None) -> None:
        self._process = process

    async def read(
        self,
        text: str,
        schema: Mapping[str, Any] | None,
        finish: FinishReason | None = None,
        *,
        urgent: bool = True,
        wants_value: bool = True,
    ) -> Any:
        """Return the JSON value of a reply, None unless `wants_value`. `finish` is why the reply ended.

        Raise Failure("invalid_output") with the reply in `detail`: it is no JSON, is not valid, or could not be
        checked within the bounds.
        """
        if is_small(text, schema):
            try:
                return validate.read_reply(text, schema, finish)
            except (Failure, asyncio.CancelledError):
                raise
            except (
                Exception
            ):  # the answer is paid for: what trips the library is told of it, and loses nothing
                log.exception("a reply could not be held against its schema")
                raise Failure("invalid_output", NOT_CHECKED, detail=text) from None
        task = {"text": text, "schema": schema, "finish": finish, "value": wants_value}
        try:
            answer = await self._running().run(task, urgent=urgent)
        except Overrun as overrun:
            log.warning("a reply was not held against its schema: that was given up (%s)", overrun.what)
            message = {"time": TOO_LONG, "memory": TOO_LARGE}.get(overrun.what, NOT_CHECKED)
            raise Failure("invalid_output", message, detail=text) from None
        except NoWorker as problem:
            log.error("the process that checks replies cannot be started: %s", problem)
            raise Failure("invalid_output", NOT_CHECKED, detail=text) from None
        if "problem" in answer:
            raise Failure("invalid_output", answer["problem"], detail=text)
        return answer["value"]

    async def search(self, pattern: str, texts: Sequence[str], *, ignore_case: bool) -> list[bool] | None:
        """Return for each text whether the pattern is found in it, None when that took too long. Chats go first.

        Raises Failure("invalid_params") for what is no pattern, with a sentence.
        """
        task = patterns.task_of(pattern, texts, ignore_case=ignore_case)
        try:
            answer = await self._running().run(task, urgent=False)
        except (Overrun, NoWorker) as problem:
            log.warning("a pattern was not held against answers: %s", problem)
            return None
        if "problem" in answer:
            raise Failure(
                "invalid_params", f"This is no regular expression: {answer['problem']}. Correct it."
            )
        found: list[bool] = answer["found"]
        return found

    def _running(self) -> CheckerProcess:
        if self._process is None:
            self._process = CheckerProcess()
        return self._process

    async def problem(
        self, text: str, schema: Mapping[str, Any] | None, finish: FinishReason | None
    ) -> Failure | None:
        """Return what is wrong with the reply of a row, None when nothing is. Chats go first."""
        try:
            await self.read(text, schema, finish, urgent=False, wants_value=False)
        except Failure as failure:
            return failure
        return None

    async def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            await self._process.close()
