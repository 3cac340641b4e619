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


@dataclass(frozen=True, slots=True)
class Config:
    """What one run of `serve` was told. `environment` may hold keys, so it never shows in a repr."""

    data_dir: Path
    mock: bool = False
    mock_pace_ms: int | None = None
    mock_day: date | None = None
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
    parser.add_argument("--mock-pace-ms", type=int, help="milliseconds between two simulated pieces of text")
    parser.add_argument("--mock-day", type=date.fromisoformat, help="the day that a mock run takes for today")
    parser.add_argument(
        "--max-message-bytes", type=_positive, default=MAX_MESSAGE_BYTES, help="largest frame taken"
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="warning")
    parser.add_argument("--log-format", choices=["text", "json"], default="text")
    parser.add_argument("--version", action="version", version=__version__)
    flags = parser.parse_args(arguments)
    return Config(
        data_dir=(flags.data_dir or _default_data_dir(environment)).expanduser().absolute(),
        mock=flags.mock,
        mock_pace_ms=flags.mock_pace_ms,
        mock_day=flags.mock_day,
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


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    if environment.get("ABAI_DATA_DIR"):
        return Path(environment["ABAI_DATA_DIR"])
    import platformdirs  # 9 ms, and an app that says where its data lives need not pay them

    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))
