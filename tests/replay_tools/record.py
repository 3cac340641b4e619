"""Records tests/replay anew: plays every script, or the ones that are named, against the real process in mock mode."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.helpers.sidecar import SidecarWire, mock_sidecar
from tests.replay_tools import recording
from tests.replay_tools.scripts import Script, scripts

FOLDER = Path(__file__).parent.parent / "replay"
# Fast enough to wait for, slow enough for the text to come in pieces.
PACE_MS = 4
# Prices have days, and a recording must say the same next year.
DAY = "2026-11-23"


class _Recorder:
    def __init__(self, wire: SidecarWire, folder: Path) -> None:
        self._wire = wire
        self._bindings = recording.Bindings(folder)
        self._placeholders = recording.Placeholders(folder)
        self._last_id = 0
        self.lines: list[recording.Line] = []

    async def ask(self, method: str, params: Any = ...) -> Any:
        self._last_id += 1
        self._send({"jsonrpc": "2.0", "id": self._last_id, "method": method}, params)
        while True:
            message = await self._wire.next_message()
            self._note("<", message)
            if message.get("id") == self._last_id:
                return message.get("result", message.get("error"))

    def tell(self, method: str, params: Any = ...) -> None:
        self._send({"jsonrpc": "2.0", "method": method}, params)

    def _send(self, message: dict[str, Any], params: Any) -> None:
        if params is not ...:
            message["params"] = params
        self._note(">", message)
        self._wire.send(self._bindings.fill(message))

    def _note(self, direction: str, message: Any) -> None:
        result = message.get("result")
        if isinstance(result, dict) and "openrpc" in result:
            # The whole contract is in sidecar/contract; here it would only be a second copy.
            message = {
                **message,
                "result": {"openrpc": "<text>", "info": "<any>", "methods": "<any>", "...": True},
            }
        self.lines.append(recording.Line(direction, self._placeholders.put(message)))


async def record(name: str, script: Script) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with mock_sidecar(recording.data_folder(Path(folder)), pace_ms=PACE_MS, day=DAY) as wire:
            recorder = _Recorder(wire, Path(folder))
            await script(recorder)
    title = (script.__doc__ or name).strip()
    recording.write(FOLDER / f"{name}.jsonl", recording.Recording(title, DAY, tuple(recorder.lines)))
    sys.stdout.write(f"{name}: {len(recorder.lines)} lines\n")


async def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, script in scripts().items():
        if not names or name in names:
            await record(name, script)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
