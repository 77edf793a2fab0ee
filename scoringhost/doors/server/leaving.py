"""The end of a process whose script has left threads behind."""

from __future__ import annotations

import logging
import os
import threading
import time

from scoringhost.telemetry.logs import HOST_LOGGER

LEFT_S = 1.0
"""Seconds that the script's own threads have to end once everything else has."""

log = logging.getLogger(HOST_LOGGER)


def leave_within(code: int, seconds: float = LEFT_S) -> None:
    """End this process with that exit code in that time, though the caller's way out may take longer.

    Python waits for every thread that is no daemon before it ends; one that a script has started in
    init() and never stops would keep the process until it is killed. Idle thread pools are no such
    threads: they are told to end on the way out.
    """
    threading.Thread(target=_wait_and_end, args=[code, seconds], name="leaving", daemon=True).start()


def _wait_and_end(code: int, seconds: float) -> None:
    time.sleep(seconds)
    lasting = [one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
    if lasting:
        log.warning("the process ends though threads of the script go on: %s", ", ".join(lasting))
    logging.shutdown()
    os._exit(code)
