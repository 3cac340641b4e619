"""The console script `abai`, which says what to install where the command line was left out."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from sidecar.cli.main import app, flags_first
    except ModuleNotFoundError as missing:
        sys.exit(
            f"The command line needs {missing.name}, which is not installed: pip install 'abai-sidecar[cli]'"
        )
    app(flags_first(sys.argv[1:]))


if __name__ == "__main__":
    main()
