"""A process that takes the copy of the day at once, where a sidecar waits a minute, and says what is wrong then.

Run as `python -m tests.store.copying_sidecar DATABASE`; with `--by-hand`, a person's backup has succeeded first.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from sidecar import clock, failpoints
from sidecar.store.backups import Caretaker
from sidecar.store.database import Database
from sidecar.store.store import Store


async def main(path: Path, by_hand: bool) -> None:
    store = Store(lambda: Database.open(path, now_ms=clock.now_ms))
    caretaker = Caretaker(store, path, clock.now_ms)
    if by_hand:
        await store.backup(path.with_name("by-hand.db"))
        caretaker.look_again()
    await caretaker.look()
    await store.close()
    print(caretaker.problem or "well")


if __name__ == "__main__":
    failpoints.arm(os.environ)
    asyncio.run(main(Path(sys.argv[1]), "--by-hand" in sys.argv))
