"""Logs go to stderr, one line each, as text or JSON, and hold no secret."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from sidecar.known_secrets import KnownSecrets


class _Redacting(logging.Formatter):
    """Formats first and redacts the finished line, so that arguments and traces are covered too."""

    def __init__(self, secrets: KnownSecrets) -> None:
        super().__init__()
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        line = f"{moment}.{int(record.msecs):03d}Z {record.levelname} {record.name}: {text}"
        # asyncio writes of lost tasks over several lines, and a file's name may hold a line break.
        return self.secrets.hide(
            " | ".join(part for part in (*line.splitlines(), *trace.splitlines()) if part)
        )


class _RedactingJson(_Redacting):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "timestamp": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return self.secrets.hide(json.dumps(fields, ensure_ascii=False))


def start_logging(
    level: str, style: str, stream: TextIO | None = None, secrets: KnownSecrets | None = None
) -> None:
    """Sends everything at `level` or above to stderr.

    Libraries are held back: at debug, aiosqlite logs statements with their values.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    formatter = _RedactingJson if style == "json" else _Redacting
    handler.setFormatter(formatter(secrets if secrets is not None else KnownSecrets()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aiosqlite", "asyncio", "httpx", "httpcore", "aiohttp", "jsonrpcserver"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
