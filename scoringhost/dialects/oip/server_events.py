"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of inference responses."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from scoringhost.dialects.oip.words import message_of
from scoringhost.errors import ScoringHostError
from scoringhost.schema import json_text

END = object()


class ServerEvents:
    """The body of a streamed response; an error in the middle is its last event."""

    def __init__(self, responses: AsyncGenerator[object, None], first: object) -> None:
        self._responses, self._ahead = responses, first
        self._is_over = False

    @classmethod
    async def begun(cls, responses: AsyncGenerator[object, None]) -> ServerEvents:
        """The events, of which the first is there: what goes wrong until then has a status of its own."""
        try:
            first = await anext(responses, END)
        except BaseException:
            await responses.aclose()
            raise
        return cls(responses, first)

    def __aiter__(self) -> ServerEvents:
        return self

    async def __anext__(self) -> bytes:
        item, self._ahead = self._ahead, None
        if self._is_over:
            raise StopAsyncIteration
        try:
            if item is None:
                item = await anext(self._responses, END)
        except ScoringHostError as error:
            self._is_over = True
            return _event(json_text.dumps({"error": message_of(error)}))
        if item is END:
            self._is_over = True
            raise StopAsyncIteration
        return _event(item[0])  # type: ignore[index]

    async def aclose(self) -> None:
        """Close the script's generator, if it is not at its end."""
        await self._responses.aclose()


def _event(text: bytes) -> bytes:
    return b"data: " + text + b"\n\n"
