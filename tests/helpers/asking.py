"""A chat service on a real store, with providers that say what the test tells them to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.options import Options
from sidecar.chat.piece_keeper import KEEP_SECONDS
from sidecar.chat.service import ChatService
from sidecar.checker.replies import ReplyChecker
from sidecar.contract.settings import DEFAULTS
from sidecar.core import Core
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.key_stores import MemoryKeys
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import ChatRequest, Done, Event, PreparedCall, TextDelta, Usage
from sidecar.providers.batches import BatchAdapter
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.settings import Settings
from sidecar.spending.dear_tiers import DearTiers
from sidecar.spending.free_searches import FreeSearchCounts
from sidecar.spending.intent import KeyMarks
from sidecar.store import conversations, messages, projects
from sidecar.store.database import Database
from sidecar.store.records import LedgerEntry, Message
from sidecar.store.store import Store

# 23 November 2026, 12:00 UTC.
NOW_MS = 1_795_435_200_000
USAGE = Usage(in_uncached=1_000, out_visible=200, prompt_total=1_000)


class Clock:
    """Time that moves when a test says so; with a `step` by so much at each look."""

    def __init__(self) -> None:
        self.ms = NOW_MS
        self.step = 0

    def __call__(self) -> int:
        self.ms += self.step
        return self.ms


Step = Event | Exception | asyncio.Event


@dataclass
class ScriptedProvider:
    """Plays its script for each question: events are yielded, exceptions raised, an asyncio.Event is waited for."""

    name: str = "openai"
    script: Sequence[Step] = ()
    plans: list[ChatRequest] = field(default_factory=list)
    sent: list[ChatRequest] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    addresses: list[str | None] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0
    refuse: Exception | None = None

    def answers(self, text: str, usage: Usage | None = USAGE, served: str | None = None) -> None:
        self.script = [TextDelta(text), Done("stop", usage, served)]

    def plan(self, request: ChatRequest) -> PreparedCall:
        if self.refuse is not None:
            raise self.refuse
        self.plans.append(request)
        return PreparedCall("/chat", {}, {"request": request}, max_output_tokens=request.max_output_tokens)

    async def stream(
        self, plan: PreparedCall, key: str, pacer: RequestPacer | None = None
    ) -> AsyncGenerator[Event, None]:
        assert pacer is not None, "a chat tells of its waits"
        self.sent.append(plan.body["request"])
        self.keys.append(key)
        self.begun.set()
        try:
            for step in list(self.script):
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.closed += 1

    async def validate_key(self, key: str) -> str | None:
        return None


class OneProvider:
    """Whoever is asked for, this one answers."""

    def __init__(self, provider: ScriptedProvider, keyless: frozenset[str] = frozenset()) -> None:
        self._provider = provider
        self._keyless = keyless

    def get(self, name: str, base_url: str | None = None) -> ScriptedProvider:
        self._provider.addresses.append(base_url)
        return self._provider

    def names(self) -> tuple[str, ...]:
        return (self._provider.name,)

    def host(self, name: str, base_url: str | None = None) -> str:
        return f"{name}.example"

    def tells_costs(self, name: str) -> bool:
        return False

    def needs_key(self, name: str) -> bool:
        return name not in self._keyless

    def batch(self, name: str) -> BatchAdapter:
        raise Failure("unsupported", f"{name} has no batches.")

    def batch_hours(self, name: str) -> int | None:
        return None


@dataclass
class Desk:
    """Everything a chat test looks at."""

    chat: ChatService
    store: Store
    session: CurrentProject
    settings: Settings
    provider: ScriptedProvider
    clock: Clock
    refused_keys: list[str]

    async def ask(self, content: str = "Why?", model: str = "openai/gpt-4o", **given: Any) -> ChatResult:
        emit = given.pop("emit", lambda event: None)
        conversation = given.pop("conversation", "talk")
        return await self.chat.send(ChatInput(content, model, conversation, options=Options(**given)), emit)

    def asking(self, *args: Any, **given: Any) -> asyncio.Task[ChatResult]:
        return asyncio.create_task(self.ask(*args, **given))

    async def messages(self, conversation: str = "talk") -> list[Message]:
        return await self.store.read(messages.list_page, conversation)

    async def said(self, conversation: str = "talk") -> list[tuple[str, str]]:
        return [(each.role, each.content) for each in await self.messages(conversation)]

    async def ledger(self) -> list[LedgerEntry]:
        return await self.store.read(all_entries)

    async def conversations(self) -> list[tuple[str, str]]:
        """(project name, conversation id) of all there are."""

        def gather(conn: Any) -> list[tuple[str, str]]:
            return [
                (project.name, each.id)
                for project in projects.list_all(conn)
                for each in conversations.list_page(conn, project.id)
            ]

        return await self.store.read(gather)


def all_entries(conn: Any) -> list[LedgerEntry]:
    from sidecar.store import ledger

    ids = [row[0] for row in conn.execute("SELECT id FROM ledger ORDER BY created_at, rowid")]
    return [entry for entry in (ledger.get(conn, each) for each in ids) if entry is not None]


@asynccontextmanager
async def desk(
    folder: Path,
    *,
    keys: Mapping[str, str] | None = None,
    keyless: frozenset[str] = frozenset(),
    keep_seconds: float = KEEP_SECONDS,
) -> AsyncIterator[Desk]:
    """A service whose database, and own catalogue if there is one, is in `folder`.

    `keys` are the saved ones, by default one for each vendor. What has arrived is kept every `keep_seconds`.
    """
    clock, provider, refused = Clock(), ScriptedProvider(), list[str]()
    saved = dict.fromkeys(("openai", "anthropic", "gemini", "grok"), "sk-test-key-1234")
    store = Store(lambda: Database.open(folder / "abai.db", now_ms=clock))
    settings = Settings(store, DEFAULTS, clock)
    session = CurrentProject(store, ids("project"), clock)
    checker, catalogue = ReplyChecker(), Catalogue.load(folder / "models.json")
    core = Core(
        store=store,
        catalogue=catalogue,
        providers=OneProvider(provider, keyless),
        keys=Keys(MemoryKeys(dict(saved if keys is None else keys)), {}, {}),
        settings=settings,
        checker=checker,
        session=session,
        new_id=ids("id"),
        now_ms=clock,
        on_invalid_key=refused.append,
        free_searches=FreeSearchCounts(store, settings, catalogue),
        dear_tiers=DearTiers(store, clock),
        key_marks=KeyMarks(store),
    )
    chat = ChatService(core, keep_seconds=keep_seconds)
    try:
        yield Desk(chat, store, session, settings, provider, clock, refused)
    finally:
        await chat.close()
        await checker.close()
        await store.close()


def ids(prefix: str) -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"
