"""Stands in the place of a hook that is not needed: PyInstaller takes no list without a name in it."""
