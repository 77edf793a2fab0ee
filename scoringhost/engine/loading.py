"""Loading: an engine is loaded on its first scoring thread, while an event loop goes on and must not wait."""

from __future__ import annotations

import logging
import os

from scoringhost.engine.announcement import Announcement
from scoringhost.engine.engine import Engine
from scoringhost.errors import InitFailed, InternalError, ScoringHostError, StartupError
from scoringhost.script.tracebacks import user_traceback
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)


class Loading:
    """Import of the script and init(), both on the thread that will score."""

    def __init__(self, engine: Engine, script: str = "") -> None:
        """`script` is its path, for the error of one that ends the interpreter while it is imported."""
        self._engine, self._script = engine, script
        self._over = Announcement()
        self.fault: ScoringHostError | None = None
        """Why the service cannot be loaded; None if it is, or while nobody knows yet."""

    def begin(self) -> None:
        """Start the engine's threads and load on the first; returns at once."""
        self._engine.start_threads()
        self._engine.threads[0].submit(self._load, self._over.make)

    @property
    def is_over(self) -> bool:
        """Whether the service is loaded, or cannot be."""
        return self._over.is_made

    @property
    def waiting(self) -> int:
        """How many coroutines wait for the end."""
        return self._over.waiting

    async def ended(self, within_s: float | None = None) -> bool:
        """Wait until the service is loaded or cannot be; returns whether that came within the time, in seconds."""
        return await self._over.heard(within_s)

    def _load(self) -> None:
        """On the scoring thread. Nobody waits for an exception here: it becomes the answer to requests."""
        try:
            self._engine.load()
            self._engine.init()
            log.info("worker %d is ready for requests", os.getpid())
            return
        except StartupError as error:
            self.fault = error
            log.error("%s", explain(error))
        except (KeyboardInterrupt, SystemExit) as error:
            self.fault = InitFailed(self._script, error, user_traceback(error))
            log.error("%s", explain(self.fault))
        except BaseException as error:
            self.fault = InternalError()
            log.error("scoringhost failed to start; please report it\n%s", user_traceback(error))
