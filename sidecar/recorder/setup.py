"""What the composition root puts in place for `--record` and `--mock-from`."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar import __version__
from sidecar.config import RECORD_BYTES, Config
from sidecar.errors import Failure
from sidecar.known_secrets import HIDDEN, KnownSecrets
from sidecar.network_options import Options
from sidecar.plain_file import NotPlain, read_plain
from sidecar.recorder.lines import FORMAT
from sidecar.recorder.reading import Session, read_sessions
from sidecar.recorder.recorder import Recorder
from sidecar.recorder.redaction import Redaction

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("sidecar.recorder")

_KEY_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHOWN_VARIABLE = re.compile(r"_(API_KEY|BASE_URL)$")
_LOGIN = re.compile(r'(?<=://)[^/?#\s"]*@')
_ADDRESS = re.compile(r'https?://[^\s"]+')
_KEY_MEMBER = re.compile(
    r"""(?<=[?&])((?:[\w-]*(?:key|token|secret|sig|auth|pass|pwd|code|cred)[\w-]*)=)[^&\s"']+""",
    re.IGNORECASE,
)
_MAX_MODELS_BYTES = 4 * 1024 * 1024


class WatchedKeys:
    """The saved keys, of which the recorder is told: none of them is to be in the recording."""

    def __init__(self, inner: Any, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder

    async def get(self, provider: str) -> str | None:
        key: str | None = await self._inner.get(provider)
        if key:
            self._recorder.key_known(provider, key)
        return key

    async def set(self, provider: str, key: str) -> None:
        self._recorder.redaction.learn(key)
        await self._inner.set(provider, key)

    async def delete(self, provider: str) -> None:
        await self._inner.delete(provider)


def start_recorder(
    config: Config,
    path: Path,
    *,
    now_ms: int,
    schema_hash: str,
    settings: Container[str],
    known: KnownSecrets,
) -> Recorder:
    """A recorder that has begun, and hides what is `known`. `settings` are those whose values are no secrets."""
    secrets = [value for name, value in config.environment.items() if _KEY_VARIABLE.search(name)]
    redaction = Redaction(folder=config.data_dir, settings=settings, secrets=secrets, known=known)
    day = datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
    about = {
        "title": f"Recorded on {day}.",
        "day": day,
        "recorded": FORMAT,
        "version": __version__,
        "schemaHash": schema_hash,
        "mock": config.mock,
        "platform": sys.platform,
        "empty": not (config.data_dir / "abai.db").exists(),
        "environment": _shown(config.environment, redaction),
    }
    models = _own_models(config.data_dir, known)
    return Recorder(
        path,
        redaction,
        about if models is None else {**about, "models": models},
        max_bytes=config.record_bytes,
        data_dir=config.data_dir,
    )


def recorded_network(
    make: Callable[[Options], httpx.AsyncBaseTransport], recorder: Recorder
) -> Callable[[Options], httpx.AsyncBaseTransport]:
    """The same network, written down."""

    def recorded(options: Options) -> httpx.AsyncBaseTransport:
        from sidecar.recorder.network import recording_transport

        return recording_transport(make(options), recorder)

    return recorded


def as_recorded(config: Config, path: Path) -> Config:
    """A mock run on the day and with the base URLs of a recording. Raises Failure for a file that is none."""
    about = read_file(path)[0]
    day = config.mock_day or recorded_day(about)
    return replace(config, mock=True, mock_day=day, environment=dict(about.environment))


def recorded_mock(path: Path, pace_ms: int | None) -> Callable[[], httpx.AsyncBaseTransport]:
    """The network of a recording, for as long as anybody asks. Raises Failure for a file that is none."""
    exchanges = [exchange for session in read_file(path) for exchange in session.exchanges]

    def make() -> httpx.AsyncBaseTransport:
        from sidecar.recorder.answers import Paced, RecordedAnswers, answering_transport
        from sidecar.recorder.matching import Bindings

        return answering_transport(RecordedAnswers(exchanges, Bindings(), again=True), Paced(pace_ms))

    return make


def read_file(path: Path) -> list[Session]:
    """Raises Failure("invalid_params") for what cannot be read."""
    try:
        text = read_plain(path, RECORD_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        why = f": {problem.strerror}" if isinstance(problem, NotPlain) else ""
        raise Failure("invalid_params", f"{path} cannot be read{why}. Choose another file.") from problem
    return read_sessions(path.name, text)


def recorded_day(session: Session) -> date:
    """Raises Failure("invalid_params")."""
    try:
        return date.fromisoformat(str(session.about.get("day")))
    except ValueError:
        message = "The recording does not say on which day it was made. Choose another file."
        raise Failure("invalid_params", message) from None


def _shown(environment: Mapping[str, str], redaction: Redaction) -> dict[str, str]:
    """Where requests went, and which keys there were, without the keys."""
    return {
        name: HIDDEN if name.endswith("_API_KEY") else redaction.url(value)
        for name, value in sorted(environment.items())
        if value and _SHOWN_VARIABLE.search(name)
    }


def _own_models(data_dir: Path, known: KnownSecrets) -> str | None:
    """The person's own models and prices, without which nothing would cost the same."""
    path = data_dir / "models.json"
    try:
        text = read_plain(path, _MAX_MODELS_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return None
    for address in _ADDRESS.findall(text):
        known.learn_address(address)
    # Played back, nobody wants a login or a key; with our sign in its place the address would be none.
    return _KEY_MEMBER.sub(r"\1hidden", _LOGIN.sub("", text))
