"""scoringhost replay: requests that were kept, once more.

Exit codes: 0 if every answer is the same; 1 if one differs, or it takes too long; 2 for a usage error; 3 if there is
nothing to send, the script cannot be served, or nobody answers at the URL.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb, given_flags, headers_of, setting_options
from scoringhost.cli.standard_output import for_the_answer_alone
from scoringhost.client.in_process import serving
from scoringhost.client.remote import Address, Remote, Sender, Unreachable, as_url
from scoringhost.errors import StartupError
from scoringhost.profiling.report import Latency
from scoringhost.recording.reading import RecordsUnusable
from scoringhost.replaying import Open, Report, for_replay
from scoringhost.replaying import replay as replayed
from scoringhost.replaying.comparing import Tolerance
from scoringhost.settings import Settings
from scoringhost.settings.declaration import WholeNumber
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import showing_the_script

DIFFERENT = 1
PREFIX = "scoringhost: "
RECORDED = "recorded"


@click.command(
    cls=Verb,
    short_help="Send kept requests again and compare.",
    examples=(
        "scoringhost replay collected/ score.py",
        "scoringhost replay collected/ score.py --against score_v2.py",
        "scoringhost replay failures/ localhost:5001 --format json",
    ),
)
@click.argument("records", metavar="FILE|DIR", type=FILE)
@click.argument("target", metavar="SCRIPT|URL", type=FILE)
@click.option(
    "--against", metavar="SCRIPT|URL", help="Compare with the answers of this one, and not with recorded ones."
)
@click.option("--against-model-dir", metavar="DIR", help="Model folder of --against, if it is a script.")
@click.option(
    "--rtol", type=click.FloatRange(0), default=1e-6, show_default=True, help="Floats may differ so much of themselves."
)
@click.option("--atol", type=click.FloatRange(0), default=1e-9, show_default=True, help="Floats may differ so much.")
@click.option("--ignore", multiple=True, metavar="KEY", help="A key of answers that may differ; repeatable.")
@click.option(
    "--max-slowdown",
    type=click.FloatRange(0, min_open=True),
    metavar="FACTOR",
    help="A median time that grows by more is a difference, too.",
)
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of every request; repeatable."
)
@click.option("--most", type=WholeNumber(min=1), help="Send no more than N requests.")
@click.option(
    "--show", type=WholeNumber(min=0), default=10, show_default=True, help="List N of the requests that differ."
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the report."
)
@setting_options("model_dir", "config_file", "app_root", "nan", "scoring_timeout_ms")
def replay(
    records: str,
    target: str,
    against: str | None,
    against_model_dir: str | None,
    rtol: float,
    atol: float,
    ignore: tuple[str, ...],
    max_slowdown: float | None,
    headers: tuple[str, ...],
    most: int | None,
    show: int,
    format_: str,
    **settings: Any,
) -> None:
    """Send the requests in FILE or DIR again, to SCRIPT in this process or to a URL, and compare the answers.

    They were kept by --collect-to or --record-failures of serve; DIR may be a URL of fsspec. They are compared with
    the answers of then or, with --against, those of SCRIPT with those of another version.
    """
    flags, sent = given_flags(settings), headers_of(headers)
    others = {name: flag for name, flag in flags.items() if name != "model_dir"}
    if against_model_dir is not None:
        others["model_dir"] = ("--against-model-dir", against_model_dir)
    try:
        with for_the_answer_alone():
            report = replayed(
                records,
                _opener(target, flags),
                None if against is None else _opener(against, others),
                Tolerance(rtol, atol, frozenset(ignore)),
                sent,
                most,
            )
    except StartupError as error:
        _refuse(explain(error, PREFIX))
    except (RecordsUnusable, Unreachable) as error:
        _refuse(f"{PREFIX}{error}")
    before, after = (RECORDED, target) if against is None else (target, against)
    is_slower = max_slowdown is not None and _slowdown(report) > max_slowdown
    if format_ == "json":
        click.echo(json.dumps(_document(report, before, after), indent=2))
    else:
        click.echo("\n".join(_lines(report, before, after, show)))
    if is_slower:
        click.echo(f"{PREFIX}the median time has grown by a factor of {_slowdown(report):.2f}", err=True)
    if report.different or is_slower:
        sys.exit(DIFFERENT)


def _opener(target: str, flags: dict[str, tuple[str, object]]) -> Open:
    url = as_url(target)
    return partial(_calling, url) if url is not None else partial(_serving, target, flags)


@contextlib.contextmanager
def _calling(url: str) -> Iterator[Sender]:
    with contextlib.closing(Remote(Address.of(url))) as remote:
        yield remote


@contextlib.contextmanager
def _serving(script: str, flags: dict[str, tuple[str, object]]) -> Iterator[Sender]:
    loaded, warnings = Settings.load(os.environ, flags | {"script": ("SCRIPT", script)}, os.getcwd())
    for warning in warnings:
        click.echo(f"{PREFIX}warning: {warning}", err=True)
    folder = Path(loaded.script).parent if loaded.script else None
    with showing_the_script(folder), serving(for_replay(loaded)) as client:
        yield client


# -- what is printed ------------------------------------------------------------------------------


def _slowdown(report: Report) -> float:
    before, after = Latency.of(report.before_s), Latency.of(report.after_s)
    return after.p50 / before.p50 if before and after and before.p50 else 0.0


def _lines(report: Report, before: str, after: str, show: int) -> list[str]:
    lines = [f"{report.same + report.different} requests: {report.same} the same, {report.different} different"]
    if report.status_only:
        lines.append(f"of {report.status_only} only the status was compared, since their answers were not kept whole")
    lines += [f"{count} not sent: {why}" for why, count in report.skipped.items()]
    for one in report.listed[:show]:
        lines += ["", f"{one.method} {one.path} [{one.id}]"]
        lines += [f"  {found.at}: {found.before} -> {found.after}" for found in one.differences]
        if one.count > len(one.differences):
            lines.append(f"  and {one.count - len(one.differences)} more")
    if report.different > min(show, len(report.listed)):
        lines += ["", f"and {report.different - min(show, len(report.listed))} more requests"]
    width = max(len(before), len(after), len("time in ms"))
    lines += ["", f"{'time in ms':<{width}}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}"]
    for name, times_s in ((before, report.before_s), (after, report.after_s)):
        latency = Latency.of(times_s)
        if latency is not None:
            figures = (latency.p50, latency.p95, latency.p99, latency.max)
            lines.append(f"{name:<{width}}" + "".join(f"{figure:>10.2f}" for figure in figures))
    return lines


def _document(report: Report, before: str, after: str) -> dict[str, Any]:
    return {
        "requests": report.same + report.different,
        "same": report.same,
        "different": report.different,
        "status_only": report.status_only,
        "not_sent": dict(report.skipped),
        "before": {"name": before, "latency_ms": _figures(report.before_s)},
        "after": {"name": after, "latency_ms": _figures(report.after_s)},
        "differences": [
            {
                "id": one.id,
                "method": one.method,
                "path": one.path,
                "count": one.count,
                "first": [{"at": found.at, "before": found.before, "after": found.after} for found in one.differences],
            }
            for one in report.listed
        ],
    }


def _figures(times_s: list[float]) -> dict[str, float] | None:
    latency = Latency.of(times_s)
    if latency is None:
        return None
    return {name: round(getattr(latency, name), 3) for name in ("p50", "p95", "p99", "max")}


def _refuse(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(STARTUP_FAILED)
