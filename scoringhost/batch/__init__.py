"""`scoringhost batch`: an entry script over the files of a folder or the rows of a table, in several processes.

What scores is one of two engines: processes of this machine (`pool`), or actors of a Ray cluster
(`on_ray`), each of which has such a process. Everything else is the same for both: how mini-batches
are read and scored, what is written, and how a job goes on after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Protocol

from scoringhost.batch.on_ray import RayCluster, RayEngine
from scoringhost.batch.output import Output, OutputUnusable, Places, Progress, make_folder
from scoringhost.batch.parts import Failure, Job, Outcome
from scoringhost.batch.pool import Pool
from scoringhost.batch.reading import Source
from scoringhost.batch.result_lines import Rendered
from scoringhost.batch.worker_log import Log
from scoringhost.tabular.pieces import Size

UNLIMITED = -1
HOPELESS = 10
"""Failed items after which a job ends that has scored none, unless it was said how many may fail."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    error_threshold: failed items after which the job ends, -1 for no such limit. None: none either, but a job that
    begins with a mini-batch that fails whole ends there. cluster: where the processes are actors; None for processes of
    this machine.
    """

    job: Job
    source: Source
    places: Places
    size: Size | None = None
    processes: int = 1
    cluster: RayCluster | None = None
    timeout_s: float | None = None
    error_threshold: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is: items scored and failed, the share of the input from 0 to 1, and what failed just now."""

    scored: int
    failed: int
    position: float
    failures: tuple[Failure, ...] = ()
    resumed: bool = False


class BatchEngine(Protocol):
    """What scores mini-batches; to be used in a `with` block."""

    def __enter__(self) -> BatchEngine: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...

    def score(self, source: Source, size: Size | None, *, skip: int) -> tuple[float, Iterator[tuple[float, Outcome]]]:
        """Score all mini-batches of a source but the first `skip`; returns when the script is known to be usable.

        Returns the share of the input that was left out, from 0 to 1, and an iterator over each outcome, in order, with
        the share that is read after it. It raises InputUnusable and Stopped; both this and the iterator raise
        WorkerUnusable.
        """


class TooManyFailures(Exception):
    """More items have failed than the threshold allows; what was complete before is kept."""


class NothingScored(TooManyFailures):
    """All that was tried has failed, so that the script or the input is wrong, and the rest would fail as well."""


def run(
    plan: Plan,
    environ: MutableMapping[str, str],
    *,
    log: Log,
    watch: Callable[[Step], None],
    stopped: Callable[[], bool],
) -> Step:
    """Score everything, telling `watch` of every mini-batch; answers how it ended.

    Raises:
        InputUnusable: if the input cannot be read.
        OutputUnusable: if the output cannot be written.
        WorkerUnusable: if the script cannot be used.
        ClusterUnusable: if Ray's cluster cannot be reached, or gives the job up.
        TooManyFailures: see there.
        Stopped: if `stopped` says so; what was complete before is kept.
    """
    output = Output(plan.places, _identity(plan), overwrite=plan.overwrite)
    make_folder(plan.job.output_dir)  # init() may look for it already
    with ExitStack() as closing:
        with _engine(plan, environ, log, stopped) as engine:
            done = output.progress.done
            position, outcomes = engine.score(plan.source, plan.size, skip=done)
            closing.enter_context(output)
            if output.progress.done != done:
                raise OutputUnusable("another command has gone on with this job meanwhile; give this one again")
            try:
                for last in _steps(plan, position, outcomes, output):
                    watch(last)
            except BaseException:
                with suppress(OutputUnusable):  # what was said first is what matters
                    output.save()
                raise
        output.finish()  # when shutdown() is over, so that a job that is killed in it is known to be complete
    return last


def _engine(plan: Plan, environ: MutableMapping[str, str], log: Log, stopped: Callable[[], bool]) -> BatchEngine:
    if plan.cluster is None:
        return Pool(plan.job, environ, processes=plan.processes, timeout_s=plan.timeout_s, log=log, stopped=stopped)
    return RayEngine(
        plan.job, plan.cluster, environ, actors=plan.processes, timeout_s=plan.timeout_s, log=log, stopped=stopped
    )


def _steps(plan: Plan, position: float, outcomes: Iterator[tuple[float, Outcome]], output: Output) -> Iterator[Step]:
    """Write what is scored, from where the output is. Raises TooManyFailures."""
    progress = output.progress
    yield Step(progress.scored, progress.failed, position, resumed=output.is_resumed)
    for position, outcome in outcomes:
        rendered = output.render(outcome)
        too_many = _too_many(plan.error_threshold, progress, rendered, position)
        if too_many is not None:
            output.note(rendered.failures)
            yield Step(progress.scored, progress.failed, position, tuple(rendered.failures))
            raise too_many
        output.add(rendered)
        yield Step(progress.scored, progress.failed, position, tuple(rendered.failures))


def _too_many(threshold: int | None, progress: Progress, latest: Rendered, position: float) -> TooManyFailures | None:
    """Why the job should end after its latest mini-batch; None if it should not."""
    failed = progress.failed + latest.failed
    if not latest.failures:
        return None
    if threshold is None:
        # The last mini-batch is tried anyway, and a few items may all be bad.
        if progress.scored or latest.scored or failed < HOPELESS or position >= 1:
            return None
        first = latest.failures[0]
        return NothingScored(f"none of the first {failed:,} items could be scored; {first.place}: {first.error}")
    if 0 <= threshold < failed:
        last = latest.failures[-1]
        return TooManyFailures(f"more than {threshold} items failed; the last at {last.place}: {last.error}")
    return None


def _identity(plan: Plan) -> dict[str, object]:
    """What has to be the same for a job to go on where another was interrupted. The script may be another."""
    contract = plan.job.contract
    return {
        "script": plan.job.settings.script,
        "input": plan.source.identity(),
        "mini-batch size": [plan.size.number, plan.size.bytes] if plan.size else None,
        "--as": contract.value if contract else None,
        "arguments": plan.job.arguments,
        "--body-form": [plan.job.body_form.key, plan.job.body_form.as_objects] if plan.job.body_form else None,
    }
