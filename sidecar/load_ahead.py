"""What the first questions of an app do without, loaded behind their answers."""

from __future__ import annotations

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


def load_ahead() -> None:
    """Import it. To be called on a thread: the loop answers meanwhile."""
    for name in _LATER:
        import_module(name)
