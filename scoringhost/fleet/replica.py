"""What a process does that was forked to be a replica set: it becomes what `scoringhost serve score.py` is.

First the process is made one of its own (`become`): whatever it has from the template and a program that is started
would not have is put right. Then it serves, at its place in the fleet, until it is told to stop.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from scoringhost import assemble
from scoringhost._version import __version__
from scoringhost.doors.server.fleet_place import FleetPlace, Word
from scoringhost.errors import StartupError
from scoringhost.fleet.replica_request import ReplicaRequest
from scoringhost.process.blas_threads import set_blas_threads
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.process.names import name_process, short_name
from scoringhost.process.own_user import become_user
from scoringhost.script.imports import replace_path_entries, serve_alone
from scoringhost.script.world import script_path
from scoringhost.serving import server_of_fleet
from scoringhost.settings import Settings
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER

START_FAILED = 3
"""Exit code of a replica set that cannot start, as that of `serve`."""


def become(request: ReplicaRequest, output: int) -> None:
    """Make this process one of its own, as if it had been started. `output`: what its standard streams are."""
    os.setsid()
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    # Before anything is done that is the service's to say: from here on this process may no more than it.
    if request.user is not None:
        become_user(request.user)
    before = os.environ.get("PYTHONPATH", "")
    _replace_environment(request.environ)
    replace_path_entries(before.split(os.pathsep), os.environ.get("PYTHONPATH", "").split(os.pathsep))
    os.umask(request.umask)
    os.chdir(request.cwd)
    sys.argv[:] = ["scoringhost", "serve", str(request.settings.get("script", ""))]
    name_process(short_name(request.settings["service_name"], request.settings.get("service_version", "")))


def serve(request: ReplicaRequest, lifeline: int) -> NoReturn:
    """Serve until told to stop; ends the process as `scoringhost serve` does.

    Raises:
        SystemExit: at the end, with 0 after a stop and 3 if the script cannot be served.
    """
    place = FleetPlace(request.key, Path(request.folder), Path(request.notify), lifeline)
    try:
        flags = {name: (name, value) for name, value in request.settings.items()}
        settings, warnings = Settings.load(os.environ, flags, request.cwd)
        script_path(settings)
        share = limit_threads(os.environ, settings.workers, request.cores or available_cores())
        serve_alone()
        assemble.prepare_process(settings, os.environ, warnings)
        server = server_of_fleet(settings, os.environ, place, functools.partial(_before_script, share))
    except StartupError as error:
        place.tell(Word.FAILED, explain(error))
        print(f"scoringhost: {explain(error)}", file=sys.__stderr__, flush=True)
        sys.exit(START_FAILED)
    logging.getLogger(HOST_LOGGER).info("scoringhost %s: replica set %s", __version__, request.key)
    try:
        server.run()
    finally:
        # Of a supervisor that has gone nobody sees to what the script has started. Workers come by here, too.
        if place.is_over() and os.getpid() == os.getpgrp():
            os.killpg(0, signal.SIGKILL)
    sys.exit(0)


def _before_script(blas_threads: int) -> None:
    """In the process that loads the script, which is each worker or, with preload, the master, before it does."""
    set_blas_threads(blas_threads)
    # `random` sees to itself after each fork. What NumPy draws would be the same in all that the template has forked.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        # With a number, as seed() itself would touch twice as many pages.
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))


def _replace_environment(wanted: Mapping[str, str]) -> None:
    """Only what differs is touched: each variable costs a page or two."""
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    time.tzset()
