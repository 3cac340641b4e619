"""What a connection that broke means, whatever else the process does meanwhile."""

from __future__ import annotations

import subprocess
import sys

# As it is while another thread loads the library: there already, and nothing in it.
HALF_LOADED = """
import sys, types
sys.modules["aiohttp"] = types.ModuleType("aiohttp")
import httpx
from sidecar.known_secrets import KnownSecrets
from sidecar.providers.kernel.broken import broken, never_left
error = httpx.ReadError("gone")
print(never_left(error), broken(error, "POST", "lab", KnownSecrets(), sent=True).message)
"""


def test_an_answer_that_breaks_off_while_the_network_library_is_loaded_is_no_bug() -> None:
    told = subprocess.run(
        [sys.executable, "-c", HALF_LOADED], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.stderr == ""
    assert told.stdout.startswith("False The lab API broke the connection")
