"""Every fault, in the order of the page."""

from __future__ import annotations

from tests.faults import disk, keychain, killing, vendors

FAULTS = [*killing.FAULTS, *disk.FAULTS, *keychain.FAULTS, *vendors.FAULTS]
