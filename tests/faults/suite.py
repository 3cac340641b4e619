"""Every fault, in the order of the page."""

from __future__ import annotations

from tests.faults import disk, filling, keychain, killing, vendors

FAULTS = [*killing.FAULTS, *filling.FAULTS, *disk.FAULTS, *keychain.FAULTS, *vendors.FAULTS]
