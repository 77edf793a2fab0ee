"""Door: how an engine starts and ends whatever takes requests in, without knowing what that is."""

from __future__ import annotations

from typing import Protocol

from scoringhost.http.app import HttpApp


class Door(Protocol):
    """A way in: a server, a function app, an ASGI application.

    The engine calls these methods on its event loop, each of the asynchronous ones once and in this
    order, save `finish`. Times are of `time.monotonic`, in seconds.
    """

    async def start(self, app: HttpApp) -> None:
        """Take requests from now on and have `app` answer them. Returns at once; serving goes on."""

    async def stop_accepting(self, by_s: float) -> None:
        """Take in what is at the door already and would be lost otherwise, and then nothing any more."""

    async def finish(self, by_s: float) -> bool:
        """Wait until everything that was taken in has been answered, or for the time.

        Returns whether it has. May be called again, once `cancel` has been.
        """

    def cancel(self) -> None:
        """Answer whoever still waits with a 503, if this door can: there is no more time."""
