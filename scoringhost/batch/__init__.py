"""`scoringhost batch`: an entry script over the files of a folder or the rows of a table, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice

from scoringhost.batch.output import Output, OutputUnusable, Places, Progress, make_folder
from scoringhost.batch.parts import Failure, Job, Part
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
    begins with a mini-batch that fails whole ends there.
    """

    job: Job
    source: Source
    places: Places
    size: Size | None = None
    processes: int = 1
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


class TooManyFailures(Exception):
    """More items have failed than the threshold allows; what was complete before is kept."""


class NothingScored(TooManyFailures):
    """All that was tried has failed, so that the script or the input is wrong, and the rest would fail as well."""


def run(
    plan: Plan, environ: Mapping[str, str], *, log: Log, watch: Callable[[Step], None], stopped: Callable[[], bool]
) -> Step:
    """Score everything, telling `watch` of every mini-batch; answers how it ended.

    Raises:
        InputUnusable: if the input cannot be read.
        OutputUnusable: if the output cannot be written.
        WorkerUnusable: if the script cannot be used.
        TooManyFailures: see there.
        Stopped: if `stopped` says so; what was complete before is kept.
    """
    output = Output(plan.places, _identity(plan), overwrite=plan.overwrite)
    make_folder(plan.job.output_dir)  # init() may look for it already
    pool = Pool(plan.job, environ, processes=plan.processes, timeout_s=plan.timeout_s, log=log, stopped=stopped)
    with ExitStack() as closing:
        with pool:
            parts = plan.source.parts(pool.contract(), plan.size)
            closing.enter_context(output)
            try:
                for last in _steps(plan, parts, pool, output):
                    watch(last)
            except BaseException:
                with suppress(OutputUnusable):  # what was said first is what matters
                    output.save()
                raise
        output.finish()  # when shutdown() is over, so that a job that is killed in it is known to be complete
    return last


def _steps(plan: Plan, parts: Iterator[Part], pool: Pool, output: Output) -> Iterator[Step]:
    """Score and write, from where the output is. Raises TooManyFailures."""
    progress = output.progress
    position = _skip(parts, progress.done)
    yield Step(progress.scored, progress.failed, position, resumed=output.is_resumed)
    for part, outcome in pool.score(parts):
        rendered = output.render(outcome)
        too_many = _too_many(plan.error_threshold, progress, rendered, part)
        if too_many is not None:
            output.note(rendered.failures)
            yield Step(progress.scored, progress.failed, part.position, tuple(rendered.failures))
            raise too_many
        output.add(rendered)
        yield Step(progress.scored, progress.failed, part.position, tuple(rendered.failures))


def _too_many(threshold: int | None, progress: Progress, latest: Rendered, part: Part) -> TooManyFailures | None:
    """Why the job should end after its latest mini-batch; None if it should not."""
    failed = progress.failed + latest.failed
    if not latest.failures:
        return None
    if threshold is None:
        # The last mini-batch is tried anyway, and a few items may all be bad.
        if progress.scored or latest.scored or failed < HOPELESS or part.position >= 1:
            return None
        first = latest.failures[0]
        return NothingScored(f"none of the first {failed:,} items could be scored; {first.place}: {first.error}")
    if 0 <= threshold < failed:
        last = latest.failures[-1]
        return TooManyFailures(f"more than {threshold} items failed; the last at {last.place}: {last.error}")
    return None


def _skip(parts: Iterator[Part], count: int) -> float:
    """Leave out what is done; answers its share of the input."""
    position = 0.0
    for part in islice(parts, count):
        position = part.position
    return position


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
