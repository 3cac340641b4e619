"""The steps by which an older database becomes one of this version: a file each, found by its name (`upgrade.py`)."""
