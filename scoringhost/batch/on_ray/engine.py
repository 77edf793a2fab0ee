"""The command's side of a job on a Ray cluster: it connects, hands the pipeline to Ray Data, and takes outcomes.

The pipeline is: one task reads the input, a pool of actors scores, and the outcomes come back in
the order of the input to the command, which alone writes the output. So what is on disk, and how a
job goes on after it was killed, is what it is with processes of one machine.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from itertools import chain
from typing import Any

from scoringhost.batch.on_ray.nodes import COLUMN, GroupReader, NodeJob, RayCluster, Scored, find_contract
from scoringhost.batch.parts import Contract, Job, Outcome
from scoringhost.batch.pool import ABANDON_S, STOP_S, Stopped, WorkerUnusable
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.batch.worker_log import Log
from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.tabular.pieces import Size

LOOK_S = 0.2
"""Seconds between two looks at whether the job was stopped."""
TASK_RETRIES = 5
"""Further tries of a group whose actor was lost, with its node or for want of memory."""


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
        self._attendance: Any = None

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
        try:
            import ray
            import ray.data  # it needs pandas, pyarrow and fsspec
        except ImportError as problem:
            raise MissingExtra(problem.name or "ray", "ray") from None
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        runtime_env = {"working_dir": self._task.sent} if self._task.sent else None
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
        self._ray = ray
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._attendance is not None:
            self._attendance.close_all(ABANDON_S if kind is not None else STOP_S)
        self._ray.shutdown()

    def score(self, source: Source, size: Size | None, *, skip: int) -> Iterator[tuple[float, Outcome]]:
        """See `BatchEngine`.

        Raises:
            ClusterUnusable: if Ray gives the job up; the iterator, too.
        """
        self._say_what_is_missing()
        contract = self._task.job.contract or self._contract()
        groups = self._groups(GroupReader(source, contract, size, skip, self._actors))
        first = next(groups)
        return self._outcomes(chain([first], groups))

    def _say_what_is_missing(self) -> None:
        """Ray waits for ever for what no node has; an autoscaler may bring it, so it is no error."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cpus, gpus = self._cluster.num_cpus, self._cluster.num_gpus
        room = [int(min(_times(node, "CPU", cpus), _times(node, "GPU", gpus), self._actors)) for node in nodes]
        if sum(room) < self._actors:
            wanted = f"{cpus:g} CPUs and {gpus:g} GPUs each" if gpus else f"{cpus:g} CPUs each"
            text = f"the cluster has room for {sum(room)} of {self._actors} actors of {wanted}; others wait for more\n"
            self._log(f"scoringhost: warning: {text}".encode())

    def _contract(self) -> Contract:
        """What run() takes, which is to be known before the input is read; a node loads the script for it."""
        cluster = self._cluster
        # max_calls: the process, whose folder has been changed, is not used again.
        remote = self._ray.remote(num_cpus=cluster.num_cpus, num_gpus=cluster.num_gpus, max_calls=1)(find_contract)
        reference = remote.remote(self._task)
        while not self._ray.wait([reference], timeout=LOOK_S)[0]:
            if self._stopped():
                raise Stopped
        try:
            found = self._ray.get(reference)
        except self._ray.exceptions.RayError as problem:
            raise _given_up(problem) from None
        self._log(found.log)
        if found.contract is None:
            raise WorkerUnusable(found.refused)
        contract: Contract = found.contract
        return contract

    def _outcomes(self, groups: Iterator[Scored]) -> Iterator[tuple[float, Outcome]]:
        for group in groups:
            yield from group.outcomes
            if group.problem:
                raise InputUnusable(group.problem)

    def _groups(self, reader: GroupReader) -> Iterator[Scored]:
        """What comes back, in order. Raises WorkerUnusable, ClusterUnusable and Stopped."""
        from scoringhost.batch.on_ray.pipeline import Attendance, scored_groups

        self._attendance = Attendance()
        rows = scored_groups(reader, self._task, self._cluster, self._attendance)
        for row in _interruptible(rows, self._stopped):
            if isinstance(row, BaseException):
                raise _given_up(row) from row
            scored: Scored = pickle.loads(row[COLUMN])
            if scored.log:
                self._log(scored.log)
            if scored.refused:
                raise WorkerUnusable(scored.refused)
            yield scored


def _interruptible(rows: Iterator[Any], stopped: Callable[[], bool]) -> Iterator[Any]:
    """Rows, and at the end what was raised, if anything.

    A thread waits for them: in Ray's own waiting a signal would not be seen. Raises Stopped.
    """
    came: queue.Queue[Any] = queue.Queue(2)
    end = object()

    def take() -> None:
        try:
            for row in rows:
                came.put(row)
        except BaseException as problem:
            came.put(problem)
        came.put(end)

    threading.Thread(target=take, name="outcomes of Ray", daemon=True).start()
    while True:
        if stopped():
            raise Stopped
        with suppress(queue.Empty):
            row = came.get(timeout=LOOK_S)
            if row is end:
                return
            yield row


def _times(resources: dict[str, float], name: str, each: float) -> float:
    return resources.get(name, 0.0) // each if each else float("inf")


def _given_up(problem: BaseException) -> ClusterUnusable:
    """What Ray says in its last line; the rest is where in Ray it was raised."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return ClusterUnusable(f"Ray has given the job up: {lines[-1].strip() if lines else type(problem).__name__}")
