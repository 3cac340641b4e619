"""What a simulated vendor is: the protocols that each vendor's folder fulfils, and the core speaks to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from sidecar.simulator.billing import BillLook
from sidecar.simulator.exchange import Completion, Frame, HttpReply, ParsedRequest, Refusal, SimRequest
from sidecar.simulator.models import SimModel


class Surface(Protocol):
    """One API of a vendor: reads its bodies and writes its answers. The `wire` of a vendor, or a module of it."""

    EFFORT_PARAM: str

    def read_request(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Return what the body asks. Raise Refused for one that makes no sense."""

    def whole(self, parsed: ParsedRequest, completion: Completion) -> bytes:
        """Return the answer as one JSON document."""

    def frames(self, parsed: ParsedRequest, completion: Completion) -> Iterator[Frame]:
        """Yield the answer as a stream."""

    def error_frame(self, refusal: Refusal, number: int) -> bytes:
        """Return an error in the middle of a stream, after `number` frames."""

    def broken_frame(self, completion: Completion) -> bytes:
        """Return an event whose JSON ends too early."""


class SimulatedVendor(Protocol):
    """How one vendor is spoken to. `prefix` is where its base URL lies on the simulator."""

    @property
    def provider(self) -> str:
        """Its name in the catalogue."""

    @property
    def prefix(self) -> str: ...

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Raise Refused for a key that is missing or wrong."""

    def surface(self, path: str) -> Surface | None:
        """Return the API at this path below the prefix."""

    def check(
        self, surface: Surface, body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel | None
    ) -> None:
        """Raise Refused for what the vendor does not take."""

    def models(self, path: str, ids: tuple[str, ...]) -> bytes | None:
        """Return the answer to a question about models; None when the path asks none."""

    def refuse(self, refusal: Refusal) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a refusal."""

    def headers(self, request_id: str) -> dict[str, str]:
        """Return what the vendor sends with every answer."""


@runtime_checkable
class CountsTokens(Protocol):
    """A vendor that also counts tokens, for nothing: no model runs, so the ledger does not hear of it."""

    def count_tokens(self, path: str, body: bytes) -> bytes | None:
        """Return the count; None when the path asks for none. Raise Refused."""


@runtime_checkable
class CountsAnswers(Protocol):
    """A vendor that caches, thinks and bills in its own way."""

    def counted(self, parsed: ParsedRequest, completion: Completion) -> Completion:
        """Return the finished answer with the usage that this vendor reports and bills."""


@runtime_checkable
class Bills(Protocol):
    """A vendor that tells an organisation what it spent."""

    def bill(self, look: BillLook) -> bytes | None:
        """Return the answer; None for a path that asks for no bill. Raise Refused."""


class BatchRoutes(Protocol):
    """The paths of one vendor's batch API."""

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """Return None for a path that is none of them. Raise Refused, or ConnectionCut where that was ordered."""
