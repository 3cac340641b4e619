"""What the list of cases wants to know of a vendor: how to ask it, and how it spells what every vendor can say.

A case that a vendor lacks stands in its `gaps` with the reason; one that fails because the product is wrong stands in
its `wrong`. Whatever a vendor does otherwise than the others is told by an attribute that the case reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sidecar.providers.base import ChatRequest, ModelCapabilities, PreparedCall, Provider, Usage
from sidecar.providers.kernel.http import HttpClient
from tests.helpers import models
from tests.helpers.scripted import Reply, ScriptedTransport, Step, scripted_edge

ORIGIN = "https://api.example"
KEY = "some-odd-key-without-a-known-shape"
PAGE_URL, PAGE_TITLE = "https://page.example/a", "A page"
ANSWER_ID = "answer-1"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens as a person would count them: `cached` and `written` are of the prompt, `reasoned` of the output."""

    prompt: int = 7
    output: int = 5
    cached: int = 0
    written: int = 0
    reasoned: int = 2
    searches: int = 0

    def parts(self) -> Usage:
        return Usage(
            in_uncached=self.prompt - self.cached - self.written,
            cache_read=self.cached,
            cache_write_short=self.written,
            out_visible=self.output - self.reasoned,
            out_reasoning=self.reasoned,
            searches=self.searches,
            prompt_total=self.prompt,
        )


COUNTS = Counts()


class Vendor(ABC):
    """One way to ask one vendor. `name` is how the list calls it, `provider` how the registry does."""

    name: ClassVar[str]
    provider: ClassVar[str]
    title: ClassVar[str]
    model: ClassVar[str]
    # Who says that it answered.
    served: ClassVar[str]
    path: ClassVar[str]
    # The beginning of `path` that belongs to the base URL.
    version: ClassVar[str] = "/v1"
    key_path: ClassVar[str]
    # What that answers for a key that is taken.
    key_description: ClassVar[bytes] = b'{"data": []}'
    request_id_header: ClassVar[str] = "x-request-id"
    declined_because: ClassVar[str | None] = None
    # Counts of which one part is larger than its whole.
    # What is said of a model that cannot think aloud.
    no_thinking: ClassVar[str] = "does not show its thinking"
    # Whether it has no mode for JSON without a schema, so that words are no makeshift.
    words_are_its_json_mode: ClassVar[bool] = False
    too_large: ClassVar[Sequence[Mapping[str, int]]] = ({"cached": 150},)
    gaps: ClassVar[Mapping[str, str]] = {}
    wrong: ClassVar[Mapping[str, str]] = {}
    # Refusals whose kind, and whether to try again, are not those of most vendors.
    kinds: ClassVar[Mapping[int, tuple[str, bool]]] = {}
    # Options without which this way is not taken.
    options: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def make(self, http: HttpClient, origin: str = ORIGIN) -> Provider: ...

    def scripted(self, *script: Step, **edge: Any) -> tuple[Provider, ScriptedTransport]:
        http, transport, _ = scripted_edge(*script, **edge)
        return self.make(http), transport

    def ask(self, text: str = "Why?", *, model: str = "", **options: Any) -> ChatRequest:
        return models.ask(self.provider, model or self.model, text, **{**self.options, **options})

    def plan(self, text: str = "Why?", *, model: str = "", **options: Any) -> PreparedCall:
        return self.make(HttpClient()).plan(self.ask(text, model=model, **options))

    def unable(self, **options: Any) -> PreparedCall:
        """The plan for a model that can do nothing but answer."""
        request = models.ask(self.provider, self.model, traits=models.UNABLE, **options)
        return self.make(HttpClient()).plan(request)

    def partly_able(self, **options: Any) -> PreparedCall:
        """The plan for a model that can do these two things beside answering."""
        able = ModelCapabilities(frozenset({"streaming", "json_schema", "reasoning"}))
        request = models.ask(self.provider, self.model, traits=able, **options)
        return self.make(HttpClient()).plan(request)

    @property
    def models(self) -> Sequence[str]:
        """All that the catalogue has of this vendor and that still answer for themselves."""
        listed = models.catalogue().models
        return [one.id for one in listed if one.provider == self.provider and one.served_by is None]

    def parts(self, counts: Counts) -> Usage:
        """What the counts come to as this vendor can tell them."""
        return counts.parts()

    # What goes out.

    @abstractmethod
    def key_header(self, key: str) -> Mapping[str, str]:
        """The headers that carry the key."""

    @abstractmethod
    def roles(self, body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        """The turns of a body as ("user" or "assistant", text), without the instructions."""

    @abstractmethod
    def instructions(self, body: Mapping[str, Any]) -> str:
        """All that stands before the turns, as one text."""

    @abstractmethod
    def form(self, body: Mapping[str, Any]) -> Any:
        """The schema that the vendor is to enforce, "json" for JSON without one, None for neither."""

    @abstractmethod
    def limit(self, body: Mapping[str, Any]) -> int | None:
        """The most tokens that the answer may have."""

    # What comes back.

    @abstractmethod
    def begin(self) -> bytes:
        """What comes before the first word."""

    @abstractmethod
    def text(self, words: str) -> bytes: ...

    @abstractmethod
    def thought(self, words: str) -> bytes: ...

    @abstractmethod
    def end(self, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        """The end with its reason ("stop", "length", "content_filter") and the usage."""

    @abstractmethod
    def usage_of(self, counts: Mapping[str, Any]) -> dict[str, Any]:
        """The vendor's object for these values, by the names of `Counts`, whatever they are."""

    def usage(self, counts: Counts) -> dict[str, Any]:
        return self.usage_of(asdict(counts))

    @abstractmethod
    def raw_usage(self, counts: Mapping[str, Any]) -> bytes:
        """An answer whose usage has these values, by the names of `Counts`, whatever they are."""

    @abstractmethod
    def broken(self, words: str) -> bytes:
        """An error inside a stream: the vendor is not available."""

    @abstractmethod
    def declined(self) -> bytes:
        """A whole stream in which the model says no and nothing else."""

    @abstractmethod
    def cited(self) -> bytes:
        """A whole stream with one search, and one page that is cited twice."""

    @abstractmethod
    def whole(self, words: str) -> bytes:
        """The answer as a server gives it that does not stream."""

    def stream(self, *words: str, reason: str = "stop", counts: Counts | None = COUNTS) -> bytes:
        return self.begin() + b"".join(map(self.text, words)) + self.end(reason, counts)

    # How it refuses.

    @abstractmethod
    def refusal(self, status: int, words: str) -> bytes:
        """The vendor's own body for that status, with these words in it."""

    @abstractmethod
    def unknown_model(self) -> bytes:
        """The body of a 404 for a model that the key does not have."""

    @abstractmethod
    def wrong_key(self) -> Reply: ...

    @abstractmethod
    def too_long(self) -> Reply:
        """The prompt is longer than the model can read."""

    @abstractmethod
    def spent(self) -> Reply:
        """The credit is used up."""

    @abstractmethod
    def blocked(self) -> Reply:
        """The vendor's rules forbid the content."""

    def busy(self, seconds: int) -> Reply:
        """Too fast, with how long to wait."""
        return Reply(429, {"retry-after": str(seconds)}, [self.refusal(429, "Slow down.")])
