"""A limit that is over in hours or days: nobody waits for it, and the person is told when to come back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.field.hostile import Answer, Asked, serving, whole
from tests.field.lab import own_models, refused, sidecar
from tests.helpers.process import RpcError

FREE_MODELS = (
    "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
)
REQUESTS = "Rate limit reached for m in organization org-1 on requests per day (RPD): Limit 200, Used 200, Requested 1."
TOKENS = "Rate limit reached for model `m` on tokens per day (TPD): Limit 100000, Used 99000, Requested 2000."


async def told(tmp_path: Path, *answers: Answer) -> list[tuple[int, RpcError]]:
    """How often each of these was asked for, and what the person was told: each by a provider of its own."""
    asked = [0] * len(answers)

    def answer(request: Asked) -> Answer:
        place = int(request.target.split("/")[1])
        asked[place] += 1
        return answers[place]

    async with serving(answer) as server:
        models = own_models(server.url)
        (model,) = models["models"]
        for place in range(len(answers)):
            address = f"{server.url}/{place}/v1"
            models["providers"][f"lab{place}"] = {"baseUrl": address, "keyRequired": False}
            models["models"].append({**model, "provider": f"lab{place}"})
        async with sidecar(tmp_path, models=models) as process:
            errors = [await refused(process, model=f"lab{place}/m") for place in range(len(answers))]
    return list(zip(asked, errors, strict=True))


def limited(error: Any, **headers: str) -> Answer:
    return whole({"error": error}, 429, {name.replace("_", "-"): value for name, value in headers.items()})


async def test_a_limit_of_the_day_is_called_one_and_not_asked_again(tmp_path: Path) -> None:
    found = await told(
        tmp_path,
        limited({"message": FREE_MODELS, "code": 429}),
        limited({"message": REQUESTS, "type": "requests", "code": "rate_limit_exceeded"}),
        limited({"message": "You have reached your daily limit of 50 requests."}),
        limited("Daily quota exceeded"),
        limited({"message": "Limit exceeded.", "code": "tokens_per_day"}),
    )
    for asked, error in found:
        assert asked == 1
        assert error.data["kind"] == "rate_limited"
        assert error.data["retryable"] is False
        assert "day's quota" in error.message


async def test_a_limit_of_the_month_is_not_asked_again_and_not_for_tomorrow(tmp_path: Path) -> None:
    ((asked, error),) = await told(
        tmp_path, limited({"message": "Monthly usage limit reached for this key."})
    )
    assert asked == 1
    assert "limit of this" in error.message
    assert "tomorrow" not in error.message


async def test_a_limit_whose_end_is_told_says_when_to_come_back(tmp_path: Path) -> None:
    in_five_hours = str(round((time.time() + 5 * 3600) * 1000))
    reset = {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": in_five_hours}}
    found = await told(
        tmp_path,
        limited({"message": f"{TOKENS} Please try again in 14m24s."}),
        limited({"message": FREE_MODELS, "code": 429, "metadata": reset}),
        limited({"message": "Slow down."}, retry_after="864000"),
        whole({"error": {"message": "Closed for maintenance."}}, 503, {"retry-after": "864000"}),
    )
    whens = ("in 14 min.", "in 5 h.", "in 10 days.", "in 10 days.")
    for (asked, error), when in zip(found, whens, strict=True):
        assert asked == 1
        assert when in error.message
