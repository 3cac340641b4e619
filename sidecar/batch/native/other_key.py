"""A part that was sent by another API key than the one there is now, and is not shown to it."""

from __future__ import annotations

from sidecar.batch.native import reasons
from sidecar.errors import Failure
from sidecar.key_text import key_mark
from sidecar.keys import Keys
from sidecar.store.job_records import VendorBatch

# How vendors answer to the key of another project: Google does not say whether there is such a batch.
_HIDDEN = frozenset({403, 404})


async def explained(keys: Keys, part: VendorBatch, refused: Failure) -> Failure:
    """Return the refusal; where it was of another key than the one that sent the part, a Failure that says so."""
    if refused.status not in _HIDDEN or part.key_mark is None:
        return refused
    key = await keys.get(part.provider)
    same = key is None or key_mark(key, part.id) == part.key_mark
    return refused if same else reasons.other_key(part, refused)
