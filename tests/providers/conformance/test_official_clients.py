"""The vendors' own clients, unmodified, judge both sides: what we send, and what the simulator answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.answers import collect
from tests.helpers.simulated import simulator
from tests.providers.conformance.official import Official, Refusal, Verdict
from tests.providers.conformance.official_anthropic import AnthropicsClient
from tests.providers.conformance.official_gemini import GooglesClient
from tests.providers.conformance.official_openai import (
    CompatibleClient,
    GrokOnChat,
    GrokOnResponses,
    OpenAIOnChat,
    OpenAIOnResponses,
)

CLIENTS: tuple[Official, ...] = (
    OpenAIOnChat(),
    OpenAIOnResponses(),
    AnthropicsClient(),
    GooglesClient(),
    GrokOnChat(),
    GrokOnResponses(),
    CompatibleClient(),
)
# Google's client builds its session in a way that its network library frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")


JUDGES = [each for each in CLIENTS if each.judges]


def has(method: str) -> list[Official]:
    return [each for each in JUDGES if getattr(type(each), method) is not getattr(Official, method)]


def those(clients: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("official", clients, ids=lambda official: official.name)


BODIES = [
    pytest.param(official, model, options, id=f"{official.name}-{model}-{'-'.join(options) or 'bare'}")
    for official in JUDGES
    for model in official.models
    for options in official.options
]
REFUSALS = [
    pytest.param(official, refusal, id=f"{official.name}-{refusal.orders}")
    for official in JUDGES
    for refusal in official.refusals
]


def told(error: BaseException) -> str:
    """All that an exception of a client has in it."""
    return f"{error!r} {error} {vars(error)}"


@pytest.mark.parametrize(("official", "model", "options"), BODIES)
async def test_every_body_has_the_types_of_the_client_and_is_taken(
    official: Official, model: str, options: dict[str, Any]
) -> None:
    sim = simulator()
    provider = official.on(sim)
    plan = provider.plan(official.request(model, **options))
    official.check(plan.path, plan.body)
    if model in official.unserved:
        return
    _, failure = await collect(provider, plan)
    assert failure is None, failure
    # As it was sent first, and not in another form after a refusal.
    assert [entry.state for entry in sim.ledger.entries] == ["finished"]


@those(CLIENTS)
async def test_the_client_reads_an_answer(official: Official) -> None:
    async with official.client(simulator()) as client:
        assert await official.answer(client, "Reply with exactly: four") == "four"


@those(CLIENTS)
async def test_the_client_reads_a_stream(official: Official) -> None:
    async with official.client(simulator()) as client:
        pieces = await official.pieces(client, "Reply with exactly: one two three")
    assert "".join(pieces) == "one two three"
    assert len([piece for piece in pieces if piece]) > 1


@those([each for each in CLIENTS if each.declines])
async def test_the_client_sees_that_the_model_says_no(official: Official) -> None:
    async with official.client(simulator()) as client:
        assert await official.answer(client, "Hi [[simulate: refusal=1]]") is None


@those(has("parsed"))
async def test_the_client_parses_a_schema(official: Official) -> None:
    async with official.client(simulator()) as client:
        assert isinstance(await official.parsed(client), Verdict)


@pytest.mark.parametrize(("official", "refusal"), REFUSALS)
async def test_the_client_knows_every_refusal(official: Official, refusal: Refusal) -> None:
    async with official.client(simulator()) as client:
        with pytest.raises(official.error(refusal)) as raised:
            await official.answer(client, f"Hi [[simulate: {refusal.orders}]]")
    body = getattr(getattr(raised.value, "response", None), "text", "")
    said = f"{told(raised.value)} {body}"
    assert [word for word in (refusal.says, *official.told) if word not in said] == []
    if refusal.header is not None:
        assert refusal.header in dict(raised.value.response.headers).items()  # type: ignore[attr-defined]


@those(JUDGES)
async def test_the_client_is_refused_with_a_wrong_key(official: Official) -> None:
    async with official.client(simulator(), "sk-invalid-secret") as client:
        with pytest.raises(official.error(official.wrong_key)) as raised:
            await official.names(client)
    assert official.wrong_key.says in told(raised.value)
    assert ("secret" in told(raised.value)) is official.repeats_key


@those(CLIENTS)
async def test_the_client_is_told_of_an_error_inside_a_stream(official: Official) -> None:
    wanted = official.error_in_stream
    async with official.client(simulator()) as client:
        with pytest.raises(official.error(wanted)) as raised:
            await official.pieces(client, f"Hi [[simulate: {wanted.orders}]]")
    assert wanted.says in told(raised.value)


@those(JUDGES)
async def test_the_client_lists_the_models(official: Official) -> None:
    async with official.client(simulator()) as client:
        one, *names = await official.names(client)
    assert one == official.listed[0]
    assert set(official.listed) <= set(names)
