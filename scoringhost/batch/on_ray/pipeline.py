"""The pipeline of Ray Data; imported only where Ray is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scoringhost.batch.on_ray.nodes import (
    GroupReader,
    NodeJob,
    RayCluster,
    Register,
    Scored,
    Scorer,
    close_scorers,
    pickled_rows,
    unpickled_rows,
)
from scoringhost.batch.parts import Contract


class JobOnCluster:
    """What the reader, the scorers and the command say to each other, by an actor on the command's machine.

    Ray Data ends its actors without a word as soon as there is no more input for them, and Ray then kills what they
    have started, which is where shutdown() would run. So the reader says that there is no more only after the command
    has had all outcomes, and has had the scorers close.
    """

    def __init__(self) -> None:
        # On the node that the command is connected to: if that is lost, so is the command.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._register: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(Register).remote()

    def come(self, contract: Contract | None) -> int:
        """Called by a scorer; answers how often it has come by now."""
        about = ray.get_runtime_context()
        times: int = ray.get(self._register.come.remote(about.get_actor_id(), about.current_actor, contract))
        return times

    def contract(self) -> Contract | None:
        """Called by the reader: what run() takes, as soon as a scorer has said so."""
        found: Contract | None = ray.get(self._register.contract.remote())
        return found

    def wait_for_end(self) -> None:
        """Called by the reader."""
        ray.get(self._register.wait_for_end.remote())

    def close(self, within_s: float) -> bytes:
        """Called by the command: have all scorers close, and the reader end; answers what the script wrote meanwhile.

        Scorers that are lost, or are still busy after that time, are not waited for.
        """
        log = b""
        with suppress(RayError):
            scorers = ray.get(self._register.scorers.remote(), timeout=within_s)
            closing = [scorer.__ray_call__.remote(close_scorers) for scorer in scorers]
            if closing:
                closed, _ = ray.wait(closing, num_returns=len(closing), timeout=within_s)
                for one in closed:
                    with suppress(RayError):
                        log += ray.get(one)
        self._register.end.remote()
        return log


class _Groups(Datasource):  # type: ignore[misc,unused-ignore]
    """The input as a table with a group of mini-batches in each row."""

    def __init__(self, reader: GroupReader, job: JobOnCluster) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self._reader, self._job = reader, job

    @property
    def supports_distributed_reads(self) -> bool:
        """Files of this machine are read on the command's node, which is one of this machine."""
        return self._reader.source.is_remote

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known."""
        return None

    def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:
        """One; it hands on what it has read while it reads."""
        reader, job = self._reader, self._job

        def read() -> Iterator[pa.Table]:
            for group in reader(job.contract()):
                yield pickled_rows([group])
            job.wait_for_end()

        return [ReadTask(read, BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None))]


def scored_groups(reader: GroupReader, task: NodeJob, cluster: RayCluster, job: JobOnCluster) -> Iterator[Scored]:
    """What comes out of the pipeline, in the order of the input."""
    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    # A block is what an actor is handed. Ray joins small ones up to this size, in bytes: all of a small input would
    # become one block for one actor (measured: four files, one of two actors worked). A row is never divided.
    context.target_max_block_size = 1
    context.enable_progress_bars = False
    # No CPU: it takes no core from the actors, which would wait for each other. One block to begin with, or Ray cuts
    # each row into the 200 that it would like to have.
    table = ray.data.read_datasource(_Groups(reader, job), num_cpus=0, override_num_blocks=1)
    scored = table.map_batches(
        Scorer,
        fn_constructor_args=(task, job.come),
        batch_size=None,
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=ActorPoolStrategy(size=reader.actors),
        num_cpus=cluster.num_cpus,
        num_gpus=cluster.num_gpus,
    )
    # Nothing is fetched ahead: of the last group, behind which nothing comes until it is here, Ray would wait for more.
    for batch in scored.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield from unpickled_rows(batch)
