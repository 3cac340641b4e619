"""Between the client and the network: passes everything on, and tells the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from sidecar.providers.kernel.broken import never_left, timed_out
from sidecar.recorder.lines import MAX_KEPT_BYTES
from sidecar.recorder.recorder import Recorder

if TYPE_CHECKING:
    import httpx


def recording_transport(inner: httpx.AsyncBaseTransport, recorder: Recorder) -> httpx.AsyncBaseTransport:
    """The same network, written down. Answers are asked for uncompressed, so that keys in them can be found."""
    import httpx

    class SentBody(httpx.AsyncByteStream):
        """A body that is made as it is sent. It is written down when all of it is there."""

        def __init__(self, number: int, request: httpx.Request) -> None:
            self._number, self._request, self._stream = number, request, request.stream
            self._kept, self._size, self._shown = bytearray(), 0, False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            assert isinstance(self._stream, httpx.AsyncByteStream)
            async for piece in self._stream:
                self._size += len(piece)
                self._kept += piece[: MAX_KEPT_BYTES - len(self._kept)]
                yield piece
            self.tell()

        def tell(self) -> None:
            if not self._shown:
                self._shown = True
                _tell_asked(recorder, self._number, self._request, bytes(self._kept), self._size)

        async def aclose(self) -> None:
            assert isinstance(self._stream, httpx.AsyncByteStream)
            await self._stream.aclose()

    class Answered(httpx.AsyncByteStream):
        def __init__(self, number: int, stream: httpx.AsyncByteStream) -> None:
            self._number, self._stream, self._ended = number, stream, False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._stream:
                    recorder.chunk(self._number, chunk)
                    yield chunk
            except Exception as error:
                self._end(_broken(error))
                raise
            self._end("complete")

        async def aclose(self) -> None:
            self._end("closed")
            await self._stream.aclose()

        def _end(self, how: Any) -> None:
            if not self._ended:
                self._ended = True
                recorder.exchange_ended(self._number, how)

    class Recording(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            number = recorder.next_exchange()
            request.headers["accept-encoding"] = "identity"
            sent: SentBody | None = None
            if isinstance(request.stream, httpx.ByteStream):
                _tell_asked(recorder, number, request, request.content, len(request.content))
            else:
                request.stream = sent = SentBody(number, request)
            try:
                response = await inner.handle_async_request(request)
            except BaseException as error:
                if sent is not None:
                    sent.tell()
                recorder.exchange_ended(number, _broken(error))
                raise
            if sent is not None:
                sent.tell()
            recorder.answered(number, response.status_code, dict(response.headers))
            assert isinstance(response.stream, httpx.AsyncByteStream)
            response.stream = Answered(number, response.stream)
            return response

        async def aclose(self) -> None:
            await inner.aclose()

    return Recording()


def _tell_asked(recorder: Recorder, number: int, request: httpx.Request, body: bytes, size: int) -> None:
    kept = body if len(body) <= MAX_KEPT_BYTES else b""
    recorder.asked(number, request.method, str(request.url), dict(request.headers), kept, size)


def _broken(error: BaseException) -> Any:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "closed"
    unsent = isinstance(error, Exception) and never_left(error)
    late = isinstance(error, Exception) and timed_out(error)
    return {"error": type(error).__name__, "unsent": unsent, "late": late}
