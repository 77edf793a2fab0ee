"""scoringhost batch: an entry script over many files or rows.

Exit codes: 0 if everything was scored, or no more failed than --error-threshold allows; 1 if items
failed; 2 for a usage error, an input or an output that cannot be used; 3 if the script cannot be
used; 130 and 143 if it was stopped by SIGINT or SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from scoringhost import batch as batches
from scoringhost.batch import HOPELESS, UNLIMITED, NothingScored, Plan, Step, TooManyFailures
from scoringhost.batch.on_ray import ClusterUnusable, RayCluster
from scoringhost.batch.output import OutputUnusable, Places
from scoringhost.batch.parts import BodyForm, Contract, Job
from scoringhost.batch.pool import Stopped
from scoringhost.batch.reading import InputUnusable, Source
from scoringhost.cli.batch_display import Display
from scoringhost.cli.options import FILE, STARTUP_FAILED, ParamType, Verb, given_flags, setting_options
from scoringhost.errors import StartupError
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.settings import Settings
from scoringhost.settings.declaration import WholeNumber
from scoringhost.tabular.pieces import Size
from scoringhost.tabular.url_files import is_url
from scoringhost.telemetry.explanation import explain

PREFIX = "scoringhost: "
FAILED, UNUSABLE = 1, 2
PREDICTIONS = "predictions.csv"
"""The name that Azure ML gives to the results where only a folder is named."""
FOR_RAY = ("ray_address", "ray_working_dir", "num_cpus", "num_gpus")
"""Options that mean nothing to processes of this machine."""


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
        "scoringhost batch score.py --input s3://bucket/rows --output out.csv --engine ray --workers 8",
    ),
)
@click.argument("path", metavar="SCRIPT", type=FILE)
@click.argument("arguments", metavar="[-- ARGUMENTS]", nargs=-1, type=click.UNPROCESSED)
@click.option("--input", "source", required=True, metavar="DIR|FILE|PATTERN|URL", help="What is scored.")
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
@click.option(
    "--processes",
    "--workers",
    "processes",
    type=WholeNumber(min=1),
    default=1,
    show_default=True,
    help="Worker processes; with --engine ray, actors with one each.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the worker processes are: on this machine, or on the nodes of a Ray cluster.",
)
@click.option("--ray-address", metavar="HOST:PORT", help="The cluster, as ray.init() has it. [RAY_ADDRESS]")
@click.option(
    "--ray-working-dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder with the script and its model that is sent to the nodes. Left out, they have both at the same paths.",
)
@click.option("--num-cpus", type=click.FloatRange(min=0), help="CPUs of each Ray actor (1).")
@click.option("--num-gpus", type=click.FloatRange(min=0), help="GPUs of each Ray actor (0).")
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
    engine: str,
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
    OUTPUT.errors.jsonl, with the reason. With --engine ray the processes are on the nodes of a Ray
    cluster. ARGUMENTS are what the script finds in sys.argv.
    """
    display = Display(quiet=quiet)
    cluster = _cluster(engine, {name: settings.pop(name) for name in FOR_RAY})
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
            job,
            Source.find(source, without=places.all()),
            places,
            size,
            processes,
            cluster,
            timeout,
            error_threshold,
            overwrite,
        )
        if cluster is None:
            limit_threads(os.environ, processes, available_cores())
        last = _run(plan, display)
    except StartupError as error:
        _refuse(display, explain(error, PREFIX), STARTUP_FAILED)
    except (InputUnusable, OutputUnusable, ClusterUnusable) as error:
        _refuse(display, f"{PREFIX}{error}", UNUSABLE)
    except NothingScored as error:
        advice = "--error-threshold -1 scores all the same"
        _refuse(display, f"{PREFIX}{error}\n{display.so_far(places)}; {advice}", FAILED)
    except TooManyFailures as error:
        _refuse(display, f"{PREFIX}{error}\n{display.so_far(places)}", FAILED)
    _summarize(last, places, display)
    if last.failed and error_threshold is None:
        sys.exit(FAILED)


def _cluster(engine: str, given: dict[str, Any]) -> RayCluster | None:
    """The cluster that the options name; None for this machine."""
    if engine == "ray":
        return RayCluster(
            given["ray_address"],
            given["ray_working_dir"],
            1.0 if given["num_cpus"] is None else given["num_cpus"],
            given["num_gpus"] or 0.0,
        )
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise click.UsageError(f"--{named[0].replace('_', '-')} is for --engine ray")
    return None


def _places(output: str, keeps_results: bool) -> Places:
    if is_url(output):
        # What was written is cut off and gone on with after an interruption, which stores of objects cannot do.
        raise OutputUnusable(f"{output}: results are written to a file of this machine; copy it there at the end")
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
