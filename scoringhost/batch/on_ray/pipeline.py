"""The pipeline of Ray Data; imported only where Ray is there."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask
from ray.exceptions import RayError

from scoringhost.batch.on_ray.engine import TASK_RETRIES
from scoringhost.batch.on_ray.nodes import COLUMN, GroupReader, NodeJob, Present, RayCluster, Scorer, close_scorers


class Attendance:
    """Which actors are ready, so that they can be closed: shutdown() is to be over when the job ends.

    Ray Data lets its actors go without a word, and Ray then kills what they have started. The handles that are kept
    here are those that an actor has of itself, which do not keep it in being: closing may come too late (see the
    test of shutdown() in tests/ray_data).
    """

    def __init__(self) -> None:
        self._present: Any = ray.remote(num_cpus=0, resources=_here())(Present).remote()

    def come(self) -> None:
        """Called by an actor."""
        about = ray.get_runtime_context()
        self._present.come.remote(about.get_actor_id(), about.current_actor)

    def close_all(self, within_s: float) -> None:
        """Have all close, and wait for that; those that are lost are not waited for."""
        with suppress(RayError):
            scorers = ray.get(self._present.scorers.remote(), timeout=within_s)
            closing = [scorer.__ray_call__.remote(close_scorers) for scorer in scorers]
            if closing:
                ray.wait(closing, num_returns=len(closing), timeout=within_s)


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
        fn_constructor_args=(task, attendance.come),
        batch_size=1,
        compute=ActorPoolStrategy(size=reader.actors),
        num_cpus=cluster.num_cpus,
        num_gpus=cluster.num_gpus,
        max_task_retries=TASK_RETRIES,
        scheduling_strategy="SPREAD",
    )
    return iter(scored.iter_rows())
