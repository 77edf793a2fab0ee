"""The pipeline of Ray Data; imported only where Ray is there."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask

from scoringhost.batch.on_ray.engine import LOOK_S, TASK_RETRIES
from scoringhost.batch.on_ray.nodes import COLUMN, Attendance, GroupReader, NodeJob, RayCluster, Scorer

LEAVE_S = 10.0
"""Seconds that an actor which has ended waits for its leave to be taken down."""


class _Present:
    """An actor that knows which scorers are at work, and on which nodes."""

    def __init__(self) -> None:
        self._nodes: dict[str, str] = {}

    def come(self, scorer: str, node: str) -> None:
        self._nodes[scorer] = node

    def leave(self, scorer: str) -> None:
        self._nodes.pop(scorer, None)

    def nodes(self) -> set[str]:
        return set(self._nodes.values())


class RayAttendance:
    """See `nodes.Attendance`: kept by an actor on the command's machine.

    Ray Data lets go of its actors in order, but nothing of Ray's waits for their end: `ray.shutdown` kills them.
    """

    def __init__(self) -> None:
        self._present: Any = ray.remote(num_cpus=0, resources=_here())(_Present).remote()

    def come(self) -> None:
        """Called by an actor."""
        about = ray.get_runtime_context()
        self._present.come.remote(about.get_actor_id(), about.get_node_id())

    def leave(self) -> None:
        """Called by an actor, whose process ends next: so it waits until this is known."""
        ray.get(self._present.leave.remote(ray.get_runtime_context().get_actor_id()), timeout=LEAVE_S)

    def wait_until_all_have_left(self, within_s: float) -> None:
        """Called by the command. Those on nodes that are lost are not waited for."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            alive = {node["NodeID"] for node in _nodes() if node["Alive"]}
            if not ray.get(self._present.nodes.remote()) & alive:
                return
            time.sleep(LOOK_S)


def _nodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call,unused-ignore]
    return found


def _here() -> dict[str, float]:
    """The resource that each node of this machine has: its address."""
    address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call,unused-ignore]
    return {f"node:{address}": 0.001}


class _Groups(Datasource):
    """The input as a table with a group of mini-batches in each row."""

    def __init__(self, reader: GroupReader) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self._reader = reader

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known."""
        return None

    def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:
        """One; it hands on what it has read while it reads."""
        reader = self._reader

        def read() -> Iterator[pa.Table]:
            for group in reader():
                yield pa.table({COLUMN: pa.array([pickle.dumps(group, protocol=5)], pa.large_binary())})

        return [ReadTask(read, BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None))]


def scored_groups(
    reader: GroupReader, task: NodeJob, cluster: RayCluster, attendance: Attendance
) -> Iterator[dict[str, Any]]:
    """The rows of the pipeline, in the order of the input: each a pickled `Scored`."""
    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    # A block is what an actor is handed. Ray joins small ones up to this size, in bytes: all of a small input would
    # become one block for one actor (measured: four files, one of two actors worked). A row is never divided.
    context.target_max_block_size = 1
    context.enable_progress_bars = False
    # Files of this machine are read on this machine; it takes no core from the actors, which would wait for each other.
    where = None if reader.source.is_remote else _here()
    # One block to begin with, or Ray cuts each row into the 200 that it would like to have.
    table = ray.data.read_datasource(_Groups(reader), num_cpus=0, resources=where, override_num_blocks=1)
    scored = table.map_batches(
        Scorer,
        fn_constructor_args=(task, attendance),
        batch_size=1,
        compute=ActorPoolStrategy(size=reader.actors),
        num_cpus=cluster.num_cpus,
        num_gpus=cluster.num_gpus,
        max_task_retries=TASK_RETRIES,
        scheduling_strategy="SPREAD",
    )
    return iter(scored.iter_rows())
