"""What a run() yields, as the body of a response: events, lines of JSON, or text and bytes as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

from scoringhost.dialects.azureml_words import FAILED
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.schema import json_text
from scoringhost.schema.json_text import NanPolicy


def streamed(request: HttpRequest, items: AsyncIterator[object], nan: NanPolicy) -> HttpResponse:
    """A generator's items: server-sent events to who accepts them, else text as it is or JSON lines."""
    events = "text/event-stream" in (request.headers.get("accept") or "")
    framing = _Events(items, nan) if events else _Lines(items, nan)
    kind = "text/event-stream" if events else framing.media_type(items)
    headers = [("Content-Type", kind), (FAILED, "False"), ("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
    return HttpResponse(200, headers, framing)


class _Lines:
    """Text and bytes as they are, everything else as one line of JSON."""

    def __init__(self, items: AsyncIterator[object], nan: NanPolicy) -> None:
        self._items, self._nan = items, nan

    @staticmethod
    def media_type(items: AsyncIterator[object]) -> str:
        """From the first item, which has been taken already."""
        first = getattr(items, "first", None)
        if isinstance(first, str):
            return "text/plain; charset=utf-8"
        return "application/octet-stream" if isinstance(first, (bytes, bytearray)) else "application/x-ndjson"

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return self._frame(await self._items.__anext__())

    async def aclose(self) -> None:
        """Close the generator."""
        await self._items.aclose()  # type: ignore[attr-defined]

    def _frame(self, item: object) -> bytes:
        if isinstance(item, str):
            return item.encode("utf-8", "surrogatepass")
        if isinstance(item, (bytes, bytearray)):
            return bytes(item)
        return json_text.dumps(item, nan=self._nan) + b"\n"


class _Events(_Lines):
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), one an item."""

    def _frame(self, item: object) -> bytes:
        text = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else self._json(item)
        return b"".join(b"data: " + line + b"\n" for line in text.split(b"\n")) + b"\n"

    def _json(self, item: object) -> bytes:
        return json_text.dumps(item, nan=self._nan)
