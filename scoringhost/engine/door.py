"""Door: how an engine starts and ends whatever takes requests in, without knowing what that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from scoringhost.http.app import HttpApp
from scoringhost.kernel.scoring_thread import ScoringThread

if TYPE_CHECKING:
    from scoringhost.engine.engine import Engine


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


class WorkerDoor(Door, Protocol):
    """A door of a server's worker beside its main one, on a port of its own: gRPC. Made anew in each worker."""

    def stand_by(self) -> None:
        """Listen from now on, and say that nothing is ready; before the script is loaded, if nobody else serves."""

    def serve(self, engine: Engine) -> None:
        """Know what will be served; `start` follows."""

    def help_out(self, thread: ScoringThread) -> None:
        """A run() on that thread holds up the event loop: answer health meanwhile, if this door can. Returns at once.

        Called on another thread, again and again for as long as that is so.
        """

    @property
    def requests(self) -> int:
        """How many requests have come, for the wear of the worker."""
