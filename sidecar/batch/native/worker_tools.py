"""What the workers of every job of native batches are handed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sidecar.batch.native.chunk_planner import ChunkPlanner
from sidecar.batch.native.chunk_uploader import ChunkUploader
from sidecar.batch.native.collect import Collector
from sidecar.batch.native.look import Places
from sidecar.batch.native.pace import Pace
from sidecar.core import Core


@dataclass(frozen=True, slots=True)
class Tools:
    """What the workers of every job use."""

    core: Core
    planner: ChunkPlanner
    uploader: ChunkUploader
    collector: Collector
    pace: Pace
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    places: Places = field(default_factory=Places)
