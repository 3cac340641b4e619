"""What the first questions of an app do without, loaded behind their answers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

# What the first question to a model, and the first batch, need besides.
_LATER = (
    "sidecar.methods.settings",
    "sidecar.methods.chat",
    "sidecar.methods.batch",
    "sidecar.chat.service",
    "sidecar.batch.submission",
    "sidecar.batch.local.engine",
    "sidecar.batch.local.row_runner",
    "sidecar.batch.native.service",
    "sidecar.providers.registry",
    "sidecar.providers.kernel.network",
    "http.cookiejar",
    "httpx",
)


def load_ahead(pulse: Callable[[], None]) -> None:
    """Import it. To be called on a thread: the loop answers meanwhile.

    `pulse` is called before each of them, and raises where the process is about to end: it would wait for all of them,
    which takes seconds on a busy machine.
    """
    for name in _LATER:
        pulse()
        import_module(name)
