"""What a submission to a vendor's batches is refused with (pure)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import date

from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from sidecar.store.job_records import Job

_SHOWN_MODELS = 5


def refuse_unable(models: Iterable[str], provider: str, catalogue: Catalogue, day: date) -> None:
    """Raises Failure("unsupported") with those of the models that the provider does not run in batches."""
    unable = dict[str, None]()
    for name in models:
        with contextlib.suppress(Failure):  # an unknown model is told with the other faults of its row
            model = catalogue.served(name, day).model
            if model.provider != provider or "batch" not in model.features:
                unable[name] = None
    if unable:
        names = ", ".join(list(unable)[:_SHOWN_MODELS]) + (", …" if len(unable) > _SHOWN_MODELS else "")
        raise Failure(
            "unsupported",
            f"{provider} does not run these models in batches: {names}. Run the batch locally, or choose others.",
            provider=provider,
        )


def not_known_yet(job: Job) -> Failure:
    """For a job of which nobody can say yet whether the provider has it."""
    return Failure(
        "conflict",
        "It is not known yet whether the provider has received this batch. It is being looked for: see the list of "
        "batches, and do not submit it again.",
        detail=job.id,
    )
