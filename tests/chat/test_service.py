"""One question to one model: what is stored, what is charged, what is sent."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.chat.chat_types import ChatResult
from sidecar.errors import Failure
from sidecar.providers.base import Done, TextDelta, ThinkingDelta, Turn, Usage, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import activity, conversations, ledger, projects
from tests.helpers.asking import USAGE, Desk, desk


async def test_an_answer_is_stored_with_its_question_and_its_cost(at: Desk) -> None:
    reply = await at.ask("Why is the sky blue?")

    assert reply.text == "Because."
    assert reply.cost_usd == Decimal("0.0045")  # 1,000 x 2.5 + 200 x 10 dollars a million
    question, answer = await at.messages()
    assert (question.role, question.content) == ("user", "Why is the sky blue?")
    assert (answer.role, answer.content, answer.model) == ("assistant", "Because.", "openai/gpt-4o")
    assert answer.id == reply.id
    assert answer.turn_id == question.id == reply.turn_id
    assert (answer.tokens_in, answer.tokens_out) == (1_000, 200)
    assert answer.cost_usd == reply.cost_usd


async def test_the_ledger_holds_the_price_that_was_charged(at: Desk) -> None:
    reply = await at.ask()

    [entry] = await at.ledger()
    assert (entry.state, entry.kind, entry.cost_usd) == ("settled", "chat", reply.cost_usd)
    assert entry.message_id == reply.id
    assert entry.price is not None
    assert entry.price["perMillion"]["prompt"] == "2.5"
    assert not entry.incomplete


async def test_the_intent_is_on_the_disk_before_the_request_leaves(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [gate, TextDelta("Late."), Done("stop", USAGE)]
    asking = at.asking()
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        [entry] = await at.ledger()
        assert (entry.state, entry.cost_usd) == ("intent", None)
        assert entry.estimate_usd is not None
        gate.set()
        await asking


async def test_an_empty_question_is_refused_and_changes_nothing(at: Desk) -> None:
    with pytest.raises(Failure, match="empty") as caught:
        await at.ask("  \n ")

    assert caught.value.kind == "invalid_params"
    assert await at.conversations() == []
    assert await at.ledger() == []


async def test_a_missing_key_is_said_by_the_provider_s_name_before_anything_is_stored(tmp_path: Path) -> None:
    async with desk(tmp_path, keys={}) as at:
        with pytest.raises(Failure, match="Missing API key for provider: openai") as caught:
            await at.ask()
        assert caught.value.kind == "missing_api_key"
        assert await at.conversations() == []
        assert (
            at.refused_keys == []
        )  # that notification is for a key that was refused, never for one that is absent


async def test_a_server_that_needs_no_key_is_asked_without_one(tmp_path: Path) -> None:
    async with desk(tmp_path, keys={}, keyless=frozenset({"openai"})) as at:
        at.provider.answers("Here.")
        assert (await at.ask()).text == "Here."
        assert at.provider.keys == [""]


async def test_a_server_that_wants_a_key_after_all_misses_one_and_refuses_none(tmp_path: Path) -> None:
    async with desk(tmp_path, keys={}, keyless=frozenset({"openai"})) as at:
        at.provider.script = [Failure("invalid_api_key", "The server refused the API key.")]
        with pytest.raises(Failure) as caught:
            await at.ask()
        assert caught.value.kind == "missing_api_key"
        assert "Missing API key for provider: openai" in caught.value.message
        assert at.refused_keys == []


async def test_a_model_with_an_address_of_its_own_is_asked_there_and_nowhere_else(tmp_path: Path) -> None:
    own = {"provider": "openai", "id": "gpt-4o", "baseUrl": "https://mine.example/v1"}
    (tmp_path / "models.json").write_text(json.dumps({"models": [own]}))
    async with desk(tmp_path) as at:
        at.provider.answers("Here.", served="llama-3.gguf")
        # Such servers name files; the price is that of what was asked.
        assert (await at.ask(model="openai/gpt-4o")).cost_usd == Decimal("0.0045")
        assert (await at.ask(model="openai/gpt-4.1")).cost_usd is None
        assert at.provider.addresses == ["https://mine.example/v1", None]


async def test_what_the_provider_cannot_do_is_refused_before_anything_is_stored(at: Desk) -> None:
    at.provider.refuse = Failure("unsupported", "This model cannot search the web.")
    with pytest.raises(Failure, match="search"):
        await at.ask(web_search=True)
    assert await at.ledger() == []


async def test_an_unknown_conversation_is_made_in_the_project_that_was_named_last(at: Desk) -> None:
    for name in ("first", "second"):
        await at.store.write(projects.create, name, name, now=1)
    await at.session.name_project("first")
    await at.ask(conversation="made-in-the-page")
    assert await at.conversations() == [("first", "made-in-the-page")]


async def test_without_any_project_the_conversation_goes_to_default(at: Desk) -> None:
    await at.ask()
    assert await at.conversations() == [("Default", "talk")]


async def test_a_deleted_project_does_not_swallow_the_next_question(at: Desk) -> None:
    await at.store.write(projects.create, "gone", "Gone", now=1)
    await at.session.name_project("gone")
    await at.store.write(projects.delete, "gone")
    await at.ask()
    assert await at.conversations() == [("Default", "talk")]


async def test_parallel_sends_of_one_question_share_one_user_message(at: Desk) -> None:
    models = ["openai/gpt-4o", "openai/gpt-4.1", "openai/gpt-6-luna"]
    replies = await asyncio.gather(*(at.ask("Same question", model) for model in models))

    said = await at.said()
    assert [role for role, _ in said].count("user") == 1
    assert len(said) == 4
    assert len({reply.turn_id for reply in replies}) == 1


async def test_each_first_message_is_a_conversation_of_its_own_unless_it_joins(at: Desk) -> None:
    await asyncio.gather(*(at.ask("Hello", model, conversation="null") for model in ("gpt-4o", "gpt-4.1")))
    await at.ask("Something else", conversation="null")

    made = await at.conversations()
    assert len(made) == 2
    assert "null" not in {conversation for _, conversation in made}


async def test_a_model_sees_the_user_s_turns_and_its_own_answers_only(at: Desk) -> None:
    at.provider.answers("From gpt-4o")
    await at.ask("One", "openai/gpt-4o")
    at.provider.answers("From gpt-4.1")
    await at.ask("One", "openai/gpt-4.1")
    at.provider.answers("Again")
    await at.ask("Two", "openai/gpt-4o")

    assert at.provider.sent[-1].turns == (
        Turn("user", "One"),
        Turn("assistant", "From gpt-4o"),
        Turn("user", "Two"),
    )


async def test_a_send_without_a_conversation_leaves_only_its_cost(at: Desk) -> None:
    reply = await at.ask("A row of a batch", conversation=None)

    assert reply.text == "Because."
    assert await at.conversations() == []
    [entry] = await at.ledger()
    assert entry.cost_usd == reply.cost_usd
    assert entry.conversation_id is None


async def test_stopping_keeps_the_text_and_what_is_known_of_its_cost(at: Desk) -> None:
    never = asyncio.Event()
    known = Usage(in_uncached=1_000, prompt_total=1_000)
    at.provider.script = [UsageSoFar(known), TextDelta("Half of "), TextDelta("it"), never]
    arrived = asyncio.Event()
    asking = at.asking(emit=lambda event: arrived.set() if event == TextDelta("it") else None)
    async with asyncio.timeout(60):
        await arrived.wait()
        assert at.chat.abort("talk") == 1
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert at.provider.closed == 1
    _, answer = await at.messages()
    assert (answer.content, answer.finish_reason) == ("Half of it", "cancelled")
    [entry] = await at.ledger()
    assert (entry.state, entry.incomplete, entry.cost_usd) == ("unknown", True, None)
    # The prompt, and a word each of three tokens at least; at most what was reserved.
    assert entry.at_least_usd == Decimal("0.00253")
    assert entry.at_most_usd == entry.estimate_usd
    assert (answer.cost_usd, answer.at_least_usd, answer.at_most_usd) == (
        None,
        entry.at_least_usd,
        entry.at_most_usd,
    )


async def test_a_stop_before_the_vendor_said_anything_leaves_the_cost_unknown_not_zero(at: Desk) -> None:
    at.provider.script = [asyncio.Event()]
    asking = at.asking()
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        at.chat.abort("talk")
        with pytest.raises(asyncio.CancelledError):
            await asking

    [entry] = await at.ledger()
    assert (entry.state, entry.cost_usd) == ("unknown", None)
    assert await at.said() == [("user", "Why?")]


async def test_asking_again_after_a_stop_before_the_first_word_is_the_same_turn(at: Desk) -> None:
    # Anthropic tells its usage at once, before any text.
    at.provider.script = [UsageSoFar(Usage(in_uncached=1_000, prompt_total=1_000)), asyncio.Event()]
    known = asyncio.Event()
    asking = at.asking("Why?", emit=lambda event: known.set())
    async with asyncio.timeout(60):
        await known.wait()
        at.chat.abort("talk")
        with pytest.raises(asyncio.CancelledError):
            await asking
    at.provider.answers("Because.")
    await at.ask("Why?")

    assert await at.said() == [("user", "Why?"), ("assistant", "Because.")]
    assert [turn.text for turn in at.provider.sent[-1].turns] == ["Why?"]
    assert [(entry.cost_usd, entry.at_least_usd) for entry in await at.ledger()] == [
        (None, Decimal("0.0025")),
        (Decimal("0.0045"), Decimal("0.0045")),
    ]


async def test_stopping_a_conversation_stops_all_its_models_and_no_other_conversation(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [gate, TextDelta("Done."), Done("stop", USAGE)]
    here = [at.asking("Q", model) for model in ("gpt-4o", "gpt-4.1")]
    there = at.asking("Q", conversation="elsewhere")
    async with asyncio.timeout(60):
        while len(at.provider.sent) < 3:
            at.provider.begun.clear()
            await at.provider.begun.wait()
        assert at.chat.abort("talk") == 2
        gate.set()
        assert (await there).text == "Done."
        for task in here:
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_first_message_can_be_stopped_by_the_id_it_was_sent_with(at: Desk) -> None:
    at.provider.script = [asyncio.Event()]
    asking = at.asking(conversation="null")
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        assert at.chat.abort("null") == 1
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_second_cancellation_does_not_lose_the_settlement(at: Desk) -> None:
    at.provider.script = [UsageSoFar(USAGE), TextDelta("Paid for"), asyncio.Event()]
    arrived = asyncio.Event()
    asking = at.asking(emit=lambda event: arrived.set() if isinstance(event, TextDelta) else None)
    async with asyncio.timeout(60):
        await arrived.wait()
        asking.cancel()
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await at.chat.close()

    [entry] = await at.ledger()
    assert (entry.state, entry.at_least_usd) == ("unknown", Decimal("0.0045"))
    assert (await at.said())[-1] == ("assistant", "Paid for")


async def test_a_refused_request_costs_nothing(at: Desk) -> None:
    at.provider.script = [Failure("provider_rejected", "The API said no.")]
    with pytest.raises(Failure, match="said no") as caught:
        await at.ask()
    assert (caught.value.provider, caught.value.model) == ("openai", "openai/gpt-4o")
    [entry] = await at.ledger()
    assert (entry.state, entry.cost_usd, entry.error_kind) == ("failed", None, "provider_rejected")


async def test_a_refused_key_is_told_once_to_the_settings_page(at: Desk) -> None:
    at.provider.script = [Failure("invalid_api_key", "The API key was refused.")]
    with pytest.raises(Failure):
        await at.ask()
    assert at.refused_keys == ["openai"]


async def test_a_request_that_was_sent_and_never_answered_may_have_been_paid(at: Desk) -> None:
    at.provider.script = [OutcomeUnknown("timeout", "The API did not answer.")]
    with pytest.raises(Failure):
        await at.ask()
    [entry] = await at.ledger()
    assert entry.state == "unknown"


async def test_a_stream_that_breaks_keeps_what_had_arrived(at: Desk) -> None:
    at.provider.script = [
        TextDelta("So far"),
        OutcomeUnknown("provider_unavailable", "The API went away."),
    ]
    with pytest.raises(Failure, match="went away"):
        await at.ask()

    assert (await at.messages())[-1].finish_reason == "error"
    assert (await at.said())[-1] == ("assistant", "So far")
    [entry] = await at.ledger()
    assert (entry.state, entry.cost_usd) == ("unknown", None)


async def test_after_a_failure_the_same_model_may_be_asked_again_in_the_same_turn(at: Desk) -> None:
    at.provider.script = [Failure("provider_unavailable", "The API is down.")]
    with pytest.raises(Failure):
        await at.ask("Again?")
    at.provider.answers("Now it works.")
    await at.ask("Again?")
    assert await at.said() == [("user", "Again?"), ("assistant", "Now it works.")]


async def test_a_retired_model_is_answered_by_its_successor_and_the_reply_says_so(at: Desk) -> None:
    reply = await at.ask(model="anthropic/claude-3-7-sonnet-20250219")

    assert reply.label == "Claude Sonnet 5.5, for the retired Claude 3.7 Sonnet"
    assert reply.model == "anthropic/claude-3-7-sonnet-20250219"
    assert reply.served_model == "anthropic/claude-sonnet-5-5"
    assert reply.cost_usd == Decimal("0.004")  # 1,000 x 2 + 200 x 10 dollars a million
    assert at.provider.sent[0].model == "claude-sonnet-5-5"


async def test_another_model_than_was_asked_is_priced_by_the_one_that_answered(at: Desk) -> None:
    at.provider.answers("Hi", served="gpt-4o-mini-2024-07-18")
    reply = await at.ask(model="openai/gpt-4o")

    assert reply.cost_usd == Decimal("0.00027")  # 1,000 x 0.15 + 200 x 0.6 dollars a million
    assert reply.served_model == "openai/gpt-4o-mini"
    assert reply.label == "GPT-4o mini, in place of GPT-4o"


async def test_an_answer_that_was_stopped_is_priced_by_the_model_that_was_answering(at: Desk) -> None:
    known = Usage(in_uncached=1_000, prompt_total=1_000)
    at.provider.script = [
        UsageSoFar(known, "gpt-4.1-2025-04-14", "resp-7"),
        TextDelta("Half"),
        asyncio.Event(),
    ]
    arrived = asyncio.Event()
    asking = at.asking(emit=lambda event: arrived.set() if isinstance(event, TextDelta) else None)
    async with asyncio.timeout(60):
        await arrived.wait()
        at.chat.abort("talk")
        with pytest.raises(asyncio.CancelledError):
            await asking

    [entry] = await at.ledger()
    assert (entry.served_model, entry.at_least_usd) == (
        "openai/gpt-4.1",
        Decimal("0.002008"),
    )  # not gpt-4o's 0.0025
    assert entry.request_id == "resp-7"
    assert (await at.messages())[-1].provider == "GPT-4.1, in place of GPT-4o"


async def test_a_dated_snapshot_of_the_model_that_was_asked_is_no_other_model(at: Desk) -> None:
    at.provider.answers("Hi", served="gpt-4o-2024-08-06")
    assert (await at.ask(model="openai/gpt-4o")).served_model is None


async def test_a_model_that_nobody_knows_is_unpriced_not_free(at: Desk) -> None:
    at.provider.answers("Hi", served="mystery-9")
    reply = await at.ask()

    assert reply.cost_usd is None
    assert any("not known" in note for note in reply.notes)
    [entry] = await at.ledger()
    assert (entry.state, entry.cost_usd) == ("settled", None)


async def test_missing_usage_is_unpriced_not_free(at: Desk) -> None:
    at.provider.answers("Hi", usage=None)
    assert (await at.ask()).cost_usd is None


async def test_usage_that_counts_nothing_is_unpriced_not_free(at: Desk) -> None:
    at.provider.answers("Hi", usage=Usage())
    reply = await at.ask()
    assert reply.cost_usd is None
    assert any("not known" in note for note in reply.notes)


async def test_what_the_vendor_says_it_charged_holds_without_any_count(at: Desk) -> None:
    at.provider.answers("Hi", usage=Usage(charged_usd=Decimal("0.25")))
    assert (await at.ask()).cost_usd == Decimal("0.25")


@pytest.mark.parametrize("count", [2**63 - 1, 10**30])
async def test_an_answer_with_impossible_counts_is_kept_and_harms_no_sum(at: Desk, count: int) -> None:
    at.provider.answers("Hi", usage=Usage(in_uncached=count, out_visible=count, prompt_total=count))
    for question in ("One?", "Two?"):
        reply = await at.ask(question)
        assert (reply.text, reply.cost_usd, reply.usage) == ("Hi", None, None)
    found = await at.store.read(activity.stats, None, 0, 0)
    assert (found.messages, [each.calls for each in found.spending]) == (4, [2])


async def test_an_answer_without_text_is_shown_as_a_sentence_and_stored_as_it_was(at: Desk) -> None:
    at.provider.script = [ThinkingDelta("Hmm"), Done("length", USAGE)]
    reply = await at.ask(max_output_tokens=100)
    assert "100 tokens" in reply.text
    assert (await at.messages())[-1].content == ""


async def test_json_that_was_asked_for_comes_parsed(at: Desk) -> None:
    at.provider.answers('```json\n{"score": 3}\n```')
    reply = await at.ask(json_schema={"type": "object", "properties": {"score": {"type": "integer"}}})
    assert reply.is_json
    assert reply.json == {"score": 3}


async def test_a_reply_that_is_not_the_json_asked_for_is_kept_paid_and_given_in_the_error(at: Desk) -> None:
    at.provider.answers("No JSON today.")
    with pytest.raises(Failure) as caught:
        await at.ask(json_mode=True)

    assert (caught.value.kind, caught.value.detail) == ("invalid_output", "No JSON today.")
    assert (await at.said())[-1] == ("assistant", "No JSON today.")
    assert (await at.ledger())[0].state == "settled"


async def test_the_month_s_budget_stops_a_question_before_it_is_sent(at: Desk) -> None:
    await at.settings.save("monthlyBudgetUSD", 0.001)
    with pytest.raises(Failure, match="budget") as caught:
        await at.ask()
    assert caught.value.kind == "budget_exceeded"
    assert at.provider.sent == []
    assert await at.said() == []


async def test_what_a_long_conversation_costs_to_read_again_counts_for_the_budget(at: Desk) -> None:
    at.provider.answers("word " * 40_000, replace(USAGE, out_visible=800))
    await at.ask("Tell me all.", max_output_tokens=100)
    # The answer alone is a tenth of a cent at most; the 200,000 letters that go along are more than ten cents.
    await at.settings.save("monthlyBudgetUSD", 0.1)

    with pytest.raises(Failure, match="budget"):
        await at.ask("And?", max_output_tokens=100)
    assert len(at.provider.sent) == 1
    assert [role for role, _ in await at.said()] == ["user", "assistant"]

    at.provider.answers("Hi")
    await at.ask("And?", max_output_tokens=100, conversation="new")  # where nothing goes along it is cheap


async def test_questions_under_way_reserve_their_part_of_the_budget(at: Desk) -> None:
    # One answer of at most 100 tokens reserves a little over a tenth of a cent.
    await at.settings.save("monthlyBudgetUSD", 0.0015)
    gate = asyncio.Event()
    at.provider.script = [
        gate,
        TextDelta("Hi"),
        Done("stop", Usage(in_uncached=1, out_visible=1, prompt_total=1)),
    ]
    first = at.asking(max_output_tokens=100)
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        with pytest.raises(Failure, match=r"\$0\.00 is spent, \$0\.00\d+ is held back for chats under way, "):
            await at.ask(max_output_tokens=100, conversation="other")
        gate.set()
        await first
    await at.ask(max_output_tokens=100, conversation="other")  # the rest of the reservation was given back


async def test_deleting_the_conversation_meanwhile_loses_no_money(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [gate, TextDelta("Too late"), Done("stop", USAGE)]
    asking = at.asking()
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        await at.store.write(conversations.delete, "talk")
        gate.set()
        reply = await asking
    assert reply.text == "Too late"
    assert (await at.ledger())[0].cost_usd == reply.cost_usd


def freeze_disk(conn: sqlite3.Connection) -> None:
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages + 4}")


def thaw_disk(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA max_page_count = 4294967294")


async def answered_on_a_full_disk(at: Desk) -> ChatResult:
    gate = asyncio.Event()
    at.provider.script = [gate, TextDelta("Precious. " * 5_000), Done("stop", USAGE)]
    asking = at.asking("Two?")
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        await at.store.write(freeze_disk)
        gate.set()
        return await asking


async def test_an_answer_that_came_while_the_disk_was_full_is_saved_before_the_next_question(
    at: Desk,
) -> None:
    reply = await answered_on_a_full_disk(at)
    assert reply.text.startswith("Precious.")
    assert any("could not be saved" in note for note in reply.notes)
    assert await at.said() == [("user", "Two?")]

    await at.store.write(thaw_disk)
    at.provider.answers("Three.")
    await at.ask("And then?")

    assert [text[:9] for _, text in await at.said()] == ["Two?", "Precious.", "And then?", "Three."]
    assert [turn.text[:9] for turn in at.provider.sent[-1].turns] == ["Two?", "Precious.", "And then?"]
    entries = await at.ledger()
    assert [(entry.state, entry.cost_usd) for entry in entries] == [("settled", Decimal("0.0045"))] * 2
    assert entries[0].message_id == reply.id


async def test_an_answer_that_came_while_the_disk_was_full_is_saved_when_the_app_closes(at: Desk) -> None:
    reply = await answered_on_a_full_disk(at)
    await at.store.write(thaw_disk)
    await at.chat.close()

    assert (await at.messages())[-1].id == reply.id
    assert (await at.ledger())[0].state == "settled"


async def test_intents_of_a_run_that_died_become_unknown_at_the_next_start(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [gate, TextDelta("x"), Done("stop", USAGE)]
    asking = at.asking()
    async with asyncio.timeout(60):
        await at.provider.begun.wait()
        assert await at.store.write(ledger.mark_interrupted, at.clock()) == 1
        assert [entry.state for entry in await at.ledger()] == ["unknown"]
        gate.set()
        await asking
    assert [entry.state for entry in await at.ledger()] == ["settled"]


async def test_without_strict_json_a_reasoning_model_is_asked_in_words_and_still_checked(at: Desk) -> None:
    await at.settings.save("jsonMode", False)
    at.provider.answers('{"score": 3}')
    schema = {"type": "object", "required": ["score"]}
    reply = await at.ask(model="openai/gpt-6.1-sol", json_schema=schema, system="Be brief.")

    assert reply.json == {"score": 3}
    [sent] = at.provider.sent
    assert (sent.json_mode, sent.json_schema) == (False, None)
    assert str(sent.system).startswith("Be brief.")
    assert '"score"' in str(sent.system)


async def test_strict_json_is_the_default(at: Desk) -> None:
    at.provider.answers("{}")
    await at.ask(model="openai/gpt-6.1-sol", json_mode=True)
    assert at.provider.sent[0].json_mode
