"""How a file is refused whose rows cannot be read (pure)."""

from __future__ import annotations

from sidecar.errors import Failure


def not_installed(what: str, library: str) -> Failure:
    """Return the refusal of a file that only a library reads which is not here."""
    return Failure(
        "invalid_params",
        f"{what} need a library that is not installed here. Install it with `pip install {library}`, "
        "or save the table as CSV UTF-8.",
    )


def refused(message: str) -> Failure:
    """Return the refusal of a file."""
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
