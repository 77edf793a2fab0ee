"""The command's side of a job on a Ray cluster: it connects, hands the pipeline to Ray Data, and takes outcomes.

The pipeline is: one task reads the input, a pool of actors scores, and the outcomes come back in
the order of the input to the command, which alone writes the output. So what is on disk, and how a
job goes on after it was killed, is what it is with processes of one machine.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import redirect_stdout, suppress
from itertools import chain
from math import inf
from typing import Any, TypeVar

from scoringhost.batch.on_ray.nodes import GroupReader, NodeJob, RayCluster, Scored
from scoringhost.batch.parts import Job, Outcome
from scoringhost.batch.pool import ABANDON_S, STOP_S, Stopped, WorkerUnusable
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.batch.worker_log import Log
from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.tabular.pieces import Size

T = TypeVar("T")

LOOK_S = 0.2
"""Seconds between two looks at whether the job was stopped."""
CONNECT_S = 10.0
"""Seconds within which the address of a cluster has to answer."""
NODES_S = 5.0
"""Seconds between two looks at what the nodes have room for."""


class ClusterUnusable(ScoringHostError):
    """There is no cluster, or it cannot do the job."""


class RayEngine:
    """Actors that have loaded the script; to be used in a `with` block, which connects and disconnects."""

    def __init__(
        self,
        job: Job,
        cluster: RayCluster,
        environ: MutableMapping[str, str],
        *,
        actors: int,
        timeout_s: float | None,
        log: Log,
        stopped: Callable[[], bool],
    ) -> None:
        """log: is handed whole lines. stopped: is asked now and then."""
        self._cluster, self._environ, self._actors, self._log, self._stopped = cluster, environ, actors, log, stopped
        sent = os.path.abspath(cluster.working_dir) if cluster.working_dir else None
        self._task = NodeJob(job, cluster.num_cpus, timeout_s, os.getcwd(), sent)
        self._ray: Any = None
        self._look_next_s = -inf
        self._room: float = inf
        self._on_cluster: Any = None
        self._came: Iterator[Any] = iter(())

    def __enter__(self) -> RayEngine:
        """Connect.

        Raises:
            MissingExtra: without Ray, or what Ray Data needs.
            ClusterUnusable: if there is no cluster at the address, or the folder cannot be sent.
        """
        # Ray reports what is done with it to its makers unless it is told not to.
        self._environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Else each job says as an error that no actor could be started again if the command's own objects were lost.
        self._environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        # Else a thread of Ray Data, of a job that is given up, connects again at its end, and SIGABRT ends the command.
        self._environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
        try:
            import ray
            import ray.data  # it needs pandas, pyarrow and fsspec
        except ImportError as problem:
            raise MissingExtra(problem.name or "ray", "ray") from None
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        runtime_env = {"working_dir": self._task.sent} if self._task.sent else None
        if self._cluster.address:
            _look_for_cluster(self._cluster.address)
        handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
        try:
            ray.init(
                self._cluster.address,
                runtime_env=runtime_env,
                log_to_driver=False,  # what a script writes comes with the outcomes, once
                logging_level=logging.ERROR,
                include_dashboard=None if self._cluster.address else False,
            )
        except Exception as problem:  # ConnectionError, ValueError, RuntimeError, and of its uploads many others
            raise ClusterUnusable(f"Ray cannot be used: {type(problem).__name__}: {problem}") from None
        # Ray has handlers of its own for SIGTERM, which end the command with a trace of it, and with another code.
        for number, handler in handlers:
            signal.signal(number, handler)
        self._ray = ray
        # Of nodes that are lost Ray tells on standard output, whatever it is told of logs.
        self._ray_says = redirect_stdout(sys.stderr)
        self._ray_says.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._on_cluster is not None:
            self._log(self._on_cluster.close(ABANDON_S if kind is not None else STOP_S))
        if kind is None:
            with suppress(Stopped):
                deque(self._came, maxlen=0)  # Ray Data ends in order, as nothing more comes
        self._ray.shutdown()
        self._ray_says.__exit__(None, None, None)

    def score(self, source: Source, size: Size | None, *, skip: int) -> tuple[float, Iterator[tuple[float, Outcome]]]:
        """See `BatchEngine`.

        Raises:
            ClusterUnusable: if Ray gives the job up; the iterator, too.
        """
        self._look_at_nodes()
        groups = self._groups(GroupReader(source, size, skip, self._actors))
        first = next(groups)
        return first.skipped, self._outcomes(chain([first], groups))

    def _look_at_nodes(self) -> None:
        """Say for how many actors there is no room, if that has changed, now and then.

        Ray waits for ever for what no node has, or none has any more; an autoscaler may bring it, so it is no error.
        """
        now_s = time.monotonic()
        if now_s < self._look_next_s:
            return
        self._look_next_s = now_s + NODES_S
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cpus, gpus = self._cluster.num_cpus, self._cluster.num_gpus
        room = [int(min(_times(node, "CPU", cpus), _times(node, "GPU", gpus), self._actors)) for node in nodes]
        if sum(room) < min(self._actors, self._room):
            wanted = f"{cpus:g} CPUs and {gpus:g} GPUs each" if gpus else f"{cpus:g} CPUs each"
            text = f"the cluster has room for {sum(room)} of {self._actors} actors of {wanted}"
            self._log(f"scoringhost: warning: {text}; the others wait for more, with what they had to score\n".encode())
        self._room = sum(room)

    def _is_stopped(self) -> bool:
        """Asked several times a second, so that it looks at the nodes as well."""
        self._look_at_nodes()
        return self._stopped()

    def _outcomes(self, groups: Iterator[Scored]) -> Iterator[tuple[float, Outcome]]:
        for group in groups:
            yield from group.outcomes
            if group.problem:
                raise InputUnusable(group.problem)

    def _groups(self, reader: GroupReader) -> Iterator[Scored]:
        """What comes back, in order. Raises WorkerUnusable, ClusterUnusable and Stopped."""
        from scoringhost.batch.on_ray.pipeline import JobOnCluster, scored_groups

        self._on_cluster = JobOnCluster()
        self._came = _interruptible(
            scored_groups(reader, self._task, self._cluster, self._on_cluster), self._is_stopped
        )
        for scored in self._came:
            if isinstance(scored, BaseException):
                raise _given_up(scored) from scored
            if scored.log:
                self._log(scored.log)
            if scored.refused:
                raise WorkerUnusable(scored.refused)
            yield scored
            if scored.is_last:
                return


def _look_for_cluster(address: str) -> None:
    """See that something listens there: Ray itself tries for minutes (2.60), and does not hear signals meanwhile.

    Raises:
        ClusterUnusable: if nothing does. Addresses that are not of the form HOST:PORT are left to Ray.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as problem:
        raise ClusterUnusable(f"Ray cannot be used: there is no cluster at {address}: {problem}") from None


def _interruptible(groups: Iterator[T], stopped: Callable[[], bool]) -> Iterator[T | BaseException]:
    """The groups, and at the end what was raised, if anything.

    A thread waits for them: in Ray's own waiting a signal would not be seen. Raises Stopped.
    """
    came: queue.Queue[Any] = queue.Queue(2)
    end = object()

    def take() -> None:
        try:
            for group in groups:
                came.put(group)
        except BaseException as problem:
            came.put(problem)
        came.put(end)

    threading.Thread(target=take, name="outcomes of Ray", daemon=True).start()
    while True:
        if stopped():
            raise Stopped
        with suppress(queue.Empty):
            group = came.get(timeout=LOOK_S)
            if group is end:
                return
            yield group


def _times(resources: dict[str, float], name: str, each: float) -> float:
    return resources.get(name, 0.0) // each if each else float("inf")


def _given_up(problem: BaseException) -> ClusterUnusable:
    """What Ray says in its last line; the rest is where in Ray it was raised."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return ClusterUnusable(f"Ray has given the job up: {lines[-1].strip() if lines else type(problem).__name__}")
