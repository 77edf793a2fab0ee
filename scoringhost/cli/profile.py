"""scoringhost profile: the service under load, and the size of machine that it needs.

Exit codes: 0 with a recommendation; 1 if there is nothing to send or every step had failed requests;
2 for a usage error; 3 if the service does not start or does not survive.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from scoringhost.cli.options import FILE, STARTUP_FAILED, ParamType, Verb, headers_of, setting_options
from scoringhost.client.load import Load, fetch_sample, read_bodies
from scoringhost.client.remote import as_url
from scoringhost.client.wire import RequestsUnusable, Target
from scoringhost.profiling import chart, report, run_steps
from scoringhost.profiling.process import LOCALHOST, ProcessTree, ServiceFailed, free_port, serve_command, serving
from scoringhost.profiling.report import Step
from scoringhost.script.request_file import request_file
from scoringhost.settings.served import served_at

FAILED = 1


class ClientCounts(ParamType[tuple[int, ...]]):
    """Numbers of clients, separated by commas; answers them in ascending order, each once."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read the text."""
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.strip().isdecimal() and int(word) for word in words):
            self.fail(f"{value!r} is not a list of positive numbers such as 1,2,4", param, ctx)
        return tuple(sorted({int(word) for word in words}))


@dataclass(frozen=True)
class Plan:
    """What the options say about the load and the report."""

    requests: Path | None
    content_type: str
    clients: tuple[int, ...]
    seconds: float
    headers: tuple[tuple[str, str], ...]
    name: str
    format: str
    chart: Path | None
    quiet: bool


@click.command(
    cls=Verb,
    epilog=f"The recommendation: {report.RULES}",
    short_help="Put a service under load and size it.",
    examples=(
        "scoringhost profile score.py",
        "scoringhost profile score.py --requests bodies.jsonl --clients 1,8,64 --chart profile.svg",
        "scoringhost profile --url localhost:5001",
    ),
)
@click.argument("path", required=False, metavar="[SCRIPT]", type=FILE)
@click.option(
    "--requests",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that is one request body, or a .jsonl file with one a line, sent in turn; "
    "without it request.json beside SCRIPT is sent, or else the sample that run() declares.",
)
@click.option("--content-type", default="application/json", show_default=True, help="Media type of the requests.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of every request; repeatable."
)
@click.option("--clients", type=ClientCounts(), default="1,2,4,8,16", show_default=True, help="Clients of each step.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="Length of each step.")
@click.option("--url", help="Profile the host that runs at this URL; its CPU and memory are not known then.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Of the report.",
)
@click.option(
    "--chart", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Draw the profile: FILE.svg."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the report.")
@setting_options("workers", "model_dir")
def profile(
    path: str | None, url: str | None, workers: int | None, model_dir: str | None, format_: str, **options: Any
) -> None:
    """Serve SCRIPT under load and say what size of machine it needs.

    It runs on a free port of this machine, with 1, 2, 4, ... clients in turn; each client waits for
    its answer before it asks again. CPU (cores used) and memory (largest proportional set size) are
    those of all processes of the service; health is the 99th percentile of GET / beside the load.
    """
    options["headers"] = tuple(headers_of(options["headers"]).items())
    plan = Plan(name=path or url or "", format=format_, **options)
    if not (url or path):
        raise click.UsageError("Name a SCRIPT to serve, or the --url of a host that runs.")
    try:
        with _ended_by_sigterm():
            if url:
                advised = _profile(plan, dataclasses.replace(Target.of_url(as_url(url) or url), headers=plan.headers))
            else:
                advised = _profile_script(plan, path or "", workers, model_dir)
    except RequestsUnusable as error:
        _refuse(str(error), FAILED)
    except ServiceFailed as error:
        _refuse(f"{error}; its last lines:\n{error.log_tail}", STARTUP_FAILED)
    if not advised:
        sys.exit(FAILED)


def _profile_script(plan: Plan, path: str, workers: int | None, model_dir: str | None) -> bool:
    plan = dataclasses.replace(plan, requests=plan.requests or request_file(served_at(path)))
    if plan.requests:
        read_bodies(plan.requests, plan.content_type)  # before init() takes its time
    target = Target(LOCALHOST, free_port(), headers=plan.headers)
    command = serve_command(path, target.port, workers, model_dir)
    with serving(command, target.port, os.environ) as server:
        advised = _profile(plan, target, shlex.join(command), server.tree)
        server.require_alive()
    return advised


def _profile(plan: Plan, target: Target, command: str | None = None, tree: ProcessTree | None = None) -> bool:
    """Measure and report; answers whether there is a recommendation."""
    steps = asyncio.run(_measure(plan, target, tree))
    advice = report.recommend(steps)
    if plan.format == "json":
        click.echo(json.dumps(report.document(steps, command, target.url), indent=2))
    else:
        click.echo("\n".join([report.table(steps), "", *report.remarks(steps)]))
    if plan.chart:
        svg = chart.draw(steps, f"{plan.name}: latency and throughput", advice.clients if advice else None)
        plan.chart.write_text(svg, encoding="utf-8")
    return advice is not None


async def _measure(plan: Plan, target: Target, tree: ProcessTree | None) -> list[Step]:
    bodies = read_bodies(plan.requests, plan.content_type) if plan.requests else [await fetch_sample(target)]
    load = Load(bodies, plan.content_type, plan.seconds)
    steps = []
    async for step in run_steps(target, load, plan.clients, tree):
        steps.append(step)
        if not plan.quiet:
            click.echo(f"{step.clients} client(s): {step.per_s:.1f} requests/s, {step.failed} failed", err=True)
    return steps


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does, so that the service is stopped then, too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _refuse(message: str, code: int) -> NoReturn:
    click.echo(f"scoringhost: {message}", err=True)
    sys.exit(code)
