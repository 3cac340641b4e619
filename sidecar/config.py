"""Flags, environment and data folder, read once into one frozen Config."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sidecar import __version__

APP_NAME = "A-B-AI"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
RECORD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Config:
    """What one run of `serve` was told. `environment` may hold keys, so it never shows in a repr."""

    data_dir: Path
    mock: bool = False
    read_only: bool = False
    mock_pace_ms: int | None = None
    mock_day: date | None = None
    mock_from: Path | None = None
    batch_poll_ms: int | None = None
    record: Path | None = None
    record_bytes: int = RECORD_BYTES
    max_message_bytes: int = MAX_MESSAGE_BYTES
    log_level: str = "warning"
    log_format: str = "text"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_serve(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """Reads the flags of `serve`. A flag wins over the environment, the environment over the default.

    Exits with a usage message on a wrong flag, as command-line programs do.
    """
    parser = argparse.ArgumentParser(
        prog="abai-sidecar serve", description="Serve JSON-RPC 2.0 over stdin and stdout."
    )
    parser.add_argument("--data-dir", type=Path, help="where the database lives (ABAI_DATA_DIR)")
    parser.add_argument(
        "--mock", action="store_true", help="answer from the built-in simulator: no key, no network"
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        help="look at a database that another process may have: nothing is written, asked or gone on with",
    )
    parser.add_argument("--mock-pace-ms", type=int, help="milliseconds between two simulated pieces of text")
    parser.add_argument("--mock-day", type=date.fromisoformat, help="the day that a mock run takes for today")
    parser.add_argument(
        "--mock-from", type=Path, metavar="FILE", help="answer from a recording in place of the simulator"
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="append all that crosses the pipe and the network, without keys, for `abai-sidecar replay`",
    )
    parser.add_argument(
        "--record-bytes", type=_positive, default=RECORD_BYTES, help="largest size of that file"
    )
    parser.add_argument(
        "--batch-poll-seconds",
        type=_as_milliseconds,
        dest="batch_poll_ms",
        metavar="BATCH_POLL_SECONDS",
        help="fix the time between two looks at a provider's batch, which otherwise grows from 1 to 300 seconds",
    )
    parser.add_argument(
        "--max-message-bytes", type=_positive, default=MAX_MESSAGE_BYTES, help="largest frame taken"
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="warning")
    parser.add_argument("--log-format", choices=["text", "json"], default="text")
    parser.add_argument("--version", action="version", version=__version__)
    flags = parser.parse_args(arguments)
    mock = flags.mock or flags.mock_from is not None
    return Config(
        data_dir=(flags.data_dir or _default_data_dir(environment, mock=mock)).expanduser().absolute(),
        mock=mock,
        read_only=flags.read_only,
        mock_pace_ms=flags.mock_pace_ms,
        # Nothing real is dated by another day.
        mock_day=flags.mock_day if mock else None,
        mock_from=flags.mock_from.expanduser().absolute() if flags.mock_from else None,
        batch_poll_ms=flags.batch_poll_ms,
        record=flags.record.expanduser().absolute() if flags.record else None,
        record_bytes=flags.record_bytes,
        max_message_bytes=flags.max_message_bytes,
        log_level=flags.log_level,
        log_format=flags.log_format,
        environment=dict(environment),
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _as_milliseconds(text: str) -> int:
    """Seconds as a person writes them, in milliseconds."""
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 86400")
    return max(1, round(seconds * 1000))


def _default_data_dir(environment: Mapping[str, str], *, mock: bool) -> Path:
    if environment.get("ABAI_DATA_DIR"):
        return Path(environment["ABAI_DATA_DIR"])
    import platformdirs  # 9 ms, and an app that says where its data lives need not pay them

    # What is simulated never stands in the real history, nor waits in it for a real vendor.
    name = f"{APP_NAME} simulated" if mock else APP_NAME
    return Path(platformdirs.user_data_dir(name, appauthor=False))
