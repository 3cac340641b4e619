"""Logs go to stderr, one line of bounded length each, as text or JSON, and hold no secret."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from sidecar.known_secrets import KnownSecrets

# Of one line. The end is kept too: there a trace says what it was.
MOST_LINE_LETTERS = 16_000
_END_LETTERS = 4_000
# What is looked at of one text, before its secrets are hidden: that takes its time.
_MOST_LOOKED_AT = 64_000


def shortened(text: str, most: int = MOST_LINE_LETTERS) -> str:
    """The beginning and the end of a text that is longer than `most` letters, with how much lies between them."""
    if len(text) <= most:
        return text
    end = min(_END_LETTERS, most // 4)
    return f"{text[: most - end]} … {len(text) - most:,} letters are left out … {text[-end:]}"


class _Redacting(logging.Formatter):
    """Formats first and redacts the finished line, so that arguments and traces are covered too."""

    def __init__(self, secrets: KnownSecrets) -> None:
        super().__init__()
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = shortened(record.getMessage(), _MOST_LOOKED_AT)
        trace = shortened(self.formatException(record.exc_info), _MOST_LOOKED_AT) if record.exc_info else ""
        line = f"{moment}.{int(record.msecs):03d}Z {record.levelname} {record.name}: {text}"
        # asyncio writes of lost tasks over several lines, and a file's name may hold a line break.
        joined = " | ".join(part for part in (*line.splitlines(), *trace.splitlines()) if part)
        return shortened(self.secrets.hide(joined))


class _RedactingJson(_Redacting):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "timestamp": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._text(record.getMessage()),
        }
        if record.exc_info:
            fields["trace"] = self._text(self.formatException(record.exc_info))
        return self.secrets.hide(json.dumps(fields, ensure_ascii=False))

    def _text(self, text: str) -> str:
        # Cut once its secrets are hidden: half of one may be hard to know.
        return shortened(self.secrets.hide(shortened(text, _MOST_LOOKED_AT)), MOST_LINE_LETTERS // 2)


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
