"""What the frozen binary runs."""

from __future__ import annotations

from sidecar.__main__ import leave, main

if __name__ == "__main__":
    leave(main())
