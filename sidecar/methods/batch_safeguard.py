"""What a batch asks before it goes on by itself, from the wire and to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.contract.types import batch as types
from sidecar.methods import wire
from sidecar.store.job_records import LIMIT_NAMES, LimitName, Safeguard


def limits(wanted: types.BatchStopWhen) -> Mapping[LimitName, float]:
    """Return the limits by their names."""
    said = wanted.model_dump(by_alias=True, exclude_none=True)
    return {name: said[name] for name in LIMIT_NAMES if name in said}


def shown(kept: Safeguard) -> dict[str, Any]:
    """Return the member of a job, and of its progress, that tells of its safeguard; none where it has none."""
    if not (kept.canary or kept.limits or kept.tripped):
        return {}
    tripped = [
        {"name": each.name, "limit": each.limit, "measured": each.measured}
        | wire.present({"recentRows": each.recent_rows or None})
        for each in kept.tripped
    ]
    state = "paused" if tripped else "canary" if kept.phase == "canary" else "running"
    told = wire.present(
        {
            "canary": kept.canary or None,
            "stopWhen": dict(kept.limits) or None,
            "tripped": tripped or None,
        }
    )
    return {"safeguard": {"state": state, **told}}
