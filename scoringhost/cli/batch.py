"""scoringhost batch: an entry script over many files or rows.

Exit codes: 0 if everything was scored, or no more failed than --error-threshold allows; 1 if items
failed; 2 for a usage error, an input or an output that cannot be used; 3 if the script cannot be
used; 130 and 143 if it was stopped by SIGINT or SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from scoringhost import batch as batches
from scoringhost.batch import HOPELESS, UNLIMITED, NothingScored, Plan, Step, TooManyFailures
from scoringhost.batch.output import OutputUnusable, Places
from scoringhost.batch.parts import BodyForm, Contract, Failure, Job
from scoringhost.batch.pool import Stopped
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.cli.options import FILE, STARTUP_FAILED, ParamType, Verb, given_flags, setting_options
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.settings import Settings
from scoringhost.settings.declaration import WholeNumber
from scoringhost.tabular.pieces import Size
from scoringhost.telemetry.explanation import explain

PREFIX = "scoringhost: "
FAILED, UNUSABLE = 1, 2
PREDICTIONS = "predictions.csv"
"""The name that Azure ML gives to the results where only a folder is named."""
REPORT_S = 10.0
"""Seconds between two lines of progress where standard error is no terminal."""
SHOWN_FAILURES = 3
STEPS = 1000


class SizeType(ParamType[Size]):
    """The size of a mini-batch: items, or bytes."""

    name = "N|SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        """Read the text."""
        try:
            return value if isinstance(value, Size) else Size.parse(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class BodyFormType(ParamType[BodyForm]):
    """KEY=lists or KEY=objects."""

    name = "KEY=lists|objects"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> BodyForm:
        """Read the text."""
        if isinstance(value, BodyForm):
            return value
        key, _, rows = str(value).partition("=")
        if not key or rows not in ("lists", "objects"):
            self.fail(f"{value!r} is neither KEY=lists nor KEY=objects", param, ctx)
        return BodyForm(key, rows == "objects")


@click.command(
    cls=Verb,
    short_help="Score many files or rows.",
    examples=(
        "scoringhost batch score.py --input rows.csv --output predictions.csv",
        "scoringhost batch score.py --input 'images/*.png' --output out/ --processes 4",
        "scoringhost batch score.py --input rows.parquet --output out.jsonl --as table --error-threshold 10",
    ),
)
@click.argument("path", metavar="SCRIPT", type=FILE)
@click.argument("arguments", metavar="[-- ARGUMENTS]", nargs=-1, type=click.UNPROCESSED)
@click.option("--input", "source", required=True, metavar="DIR|FILE|PATTERN", help="What is scored.")
@click.option(
    "--output",
    required=True,
    type=click.Path(),
    help=f"Where results go: CSV, or JSON lines if it ends in .jsonl; {PREDICTIONS} in a folder.",
)
@click.option(
    "--mini-batch-size", "size", type=SizeType(), help="Files (10), rows (1000) or bytes of rows (10MB) per mini-batch."
)
@click.option(
    "--error-threshold",
    type=WholeNumber(min=UNLIMITED),
    help="Failed items allowed; one more ends the job. -1 allows any number. "
    "Left out, all is scored and the exit code is 1 if anything failed; but nothing more is tried if the first "
    f"mini-batches, of {HOPELESS} items or more, fail whole.",
)
@click.option(
    "--output-action",
    type=click.Choice(["append_row", "summary_only"]),
    default="append_row",
    show_default=True,
    help="summary_only: results are counted but not kept; the script writes its own files to --output.",
)
@click.option("--processes", type=WholeNumber(min=1), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--as",
    "contract",
    type=click.Choice([contract.value for contract in Contract]),
    help="What run() is given: file paths, a DataFrame, or requests. "
    "Left out: run(mini_batch) and run(..., mini_batch_context) get files, or a DataFrame if annotated so; "
    "any other script requests.",
)
@click.option(
    "--body-form", type=BodyFormType(), help="How an undecorated run() takes rows: data=lists sends data: [[...], ...]."
)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that one mini-batch may take.")
@click.option("--max-retries", type=WholeNumber(min=0), default=0, show_default=True, help="Further tries of an item.")
@click.option("--overwrite", is_flag=True, help="Begin anew where there is an output already.")
@click.option("-q", "--quiet", is_flag=True, help="Show failures, and nothing else.")
@setting_options("model_dir", "config_file", "app_root", "max_body_mb")
def batch(
    path: str,
    arguments: tuple[str, ...],
    source: str,
    output: str,
    output_action: str,
    contract: str | None,
    max_retries: int,
    body_form: BodyForm | None,
    processes: int,
    error_threshold: int | None,
    size: Size | None,
    timeout: float | None,
    overwrite: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Score many files or rows with SCRIPT, in order, in one or several processes.

    Azure ML's batch scripts, run(mini_batch), and online scripts alike. A job that was interrupted
    goes on where it stopped when the same command is given again. What failed is in
    OUTPUT.errors.jsonl, with the reason. ARGUMENTS are what the script finds in sys.argv.
    """
    display = Display(quiet=quiet)
    try:
        loaded, warnings = Settings.load(os.environ, given_flags(settings) | {"script": ("SCRIPT", path)}, os.getcwd())
        for warning in warnings:
            display.say(f"{PREFIX}warning: {warning}")
        keeps_results = output_action == "append_row"
        places = _places(output, keeps_results)
        folder = (places.results or places.failures).parent.resolve()
        wanted = Contract(contract) if contract else None
        job = Job(loaded, wanted, keeps_results, max_retries, body_form, folder, arguments, source)
        plan = Plan(
            job, Source.find(source, without=places.all()), places, size, processes, timeout, error_threshold, overwrite
        )
        limit_threads(os.environ, processes, available_cores())
        last = _run(plan, display)
    except StartupError as error:
        _refuse(display, explain(error, PREFIX), STARTUP_FAILED)
    except (InputUnusable, OutputUnusable) as error:
        _refuse(display, f"{PREFIX}{error}", UNUSABLE)
    except NothingScored as error:
        advice = "--error-threshold -1 scores all the same"
        _refuse(display, f"{PREFIX}{error}\n{display.so_far(places)}; {advice}", FAILED)
    except TooManyFailures as error:
        _refuse(display, f"{PREFIX}{error}\n{display.so_far(places)}", FAILED)
    _summarize(last, places, display)
    if last.failed and error_threshold is None:
        sys.exit(FAILED)


def _places(output: str, keeps_results: bool) -> Places:
    path = Path(output)
    if not keeps_results:
        return Places.within(path)
    return Places.beside(path / PREDICTIONS if path.is_dir() or output.endswith(os.sep) else path)


def _run(plan: Plan, display: Display) -> Step:
    """Run the job; SIGINT and SIGTERM end it in order, a second one at once."""
    received: list[int] = []

    def stop(number: int, _: object) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as for a command in the background
            signal.signal(number, stop)
    try:
        return batches.run(plan, os.environ, log=display.log, watch=display.show, stopped=lambda: bool(received))
    except Stopped:
        _refuse(
            display,
            f"{PREFIX}stopped by {signal.Signals(received[0]).name}\n{display.so_far(plan.places)}",
            128 + received[0],
        )


def _summarize(last: Step, places: Places, display: Display) -> None:
    display.close()
    where = places.results or places.failures.parent
    if display.is_quiet:
        return
    text = f"{last.scored:,} scored, {last.failed:,} failed in {display.elapsed_s:.1f} s: {where}"
    click.echo(f"{text}, {places.failures}" if last.failed else text)


def _refuse(display: Display, message: str, code: int) -> NoReturn:
    display.close()
    click.echo(message, err=True)
    sys.exit(code)


# -- what is shown --------------------------------------------------------------------------------


class Display:
    """Progress on standard error: a bar on a terminal, otherwise a line now and then."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: no progress, and nothing of how far it is."""
        self._quiet = quiet
        self._bar: Any = None
        self._started_s = self._reported_s = time.monotonic()
        self._last = Step(0, 0, 0.0)
        self._shown: set[str] = set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but failures is shown."""
        return self._quiet

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command was given."""
        return time.monotonic() - self._started_s

    def log(self, text: bytes) -> None:
        """Lines of the workers."""
        self._above(lambda: click.echo(text, err=True, nl=False))

    def say(self, text: str) -> None:
        """A line of our own."""
        self._above(lambda: click.echo(text, err=True))

    def show(self, step: Step) -> None:
        """Show how far the job is, and the first failures of each kind."""
        if step.resumed and not self._quiet:
            self.say(f"going on where the job was interrupted: {_counts(step)} so far")
        for failure in step.failures:
            self._failed(failure)
        self._last = step
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._move(step)
        elif time.monotonic() - self._reported_s > REPORT_S:
            self._reported_s = time.monotonic()
            self.say(f"{step.position:.0%}: {_counts(step)}")

    def so_far(self, places: Places) -> str:
        """What to do with a job that was not finished."""
        return f"{_counts(self._last)} so far; the same command goes on from there ({places.progress})"

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None

    def _failed(self, failure: Failure) -> None:
        kind = failure.traceback.rpartition("\n")[0] or failure.error
        if kind in self._shown or len(self._shown) > SHOWN_FAILURES:
            return
        self._shown.add(kind)
        if len(self._shown) > SHOWN_FAILURES:
            self.say("there are failures of other kinds, which are not shown here")
            return
        status = f"{failure.status} " if failure.status else ""
        count = f" and {failure.count - 1} more" if failure.count > 1 else ""
        trace = f"{failure.traceback}\n" if failure.traceback else ""
        self.say(f"{trace}{failure.place}{count} failed: {status}{failure.error}")

    def _move(self, step: Step) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=STEPS, file=sys.stderr, item_show_func=lambda item: item)
            self._bar.render_progress()
        self._bar.update(int(step.position * STEPS) - self._bar.pos, _counts(step))
        self._bar.render_progress()  # the counts go on where the bar stands still

    def _above(self, write: Callable[[], None]) -> None:
        if self._bar is None:
            write()
            return
        click.echo("\r\x1b[K", err=True, nl=False)
        write()
        self._bar.render_progress()


def _counts(step: Step) -> str:
    return f"{step.scored:,} scored, {step.failed:,} failed"
