"""What recording and replaying need of a sidecar: send one message, get the next one."""

from __future__ import annotations

from typing import Any, Protocol


class Wire(Protocol):
    def send(self, message: Any) -> None: ...

    async def next_message(self) -> Any:
        """The next message of any kind, in the order of arrival."""
