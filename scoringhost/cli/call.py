"""scoringhost call: one request, without starting a server by hand.

Exit codes: 0 for a 2xx; 1 for any other answer, or nothing to send; 2 for a usage error; 3 if the
script cannot be served, or nobody answers at the URL.
"""

from __future__ import annotations

import contextlib
import http
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from scoringhost.cli.options import FILE, STARTUP_FAILED, Verb, given_flags, headers_of, setting_options
from scoringhost.cli.standard_output import for_the_answer_alone
from scoringhost.client.answers import JSON, NoSample, Response
from scoringhost.client.in_process import serving
from scoringhost.client.remote import (
    SCORE,
    Address,
    DocumentRefused,
    Outcome,
    Remote,
    Sender,
    Unreachable,
    as_url,
    repeat,
)
from scoringhost.errors import StartupError
from scoringhost.profiling.report import Latency
from scoringhost.script.startup_hints import of_hidden_packages
from scoringhost.settings import Settings
from scoringhost.settings.declaration import WholeNumber
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import showing_the_script

FAILED = 1
PREFIX = "scoringhost: "


@dataclass(frozen=True, slots=True)
class Wish:
    """What to send. body: None for the service's own sample; path: None for the one of the target."""

    method: str
    path: str | None
    body: bytes | None
    headers: dict[str, str]
    repeat: int
    include: bool
    quiet: bool


@click.command(
    cls=Verb,
    short_help="Send one request to a script, or to a URL.",
    examples=(
        "scoringhost call score.py",
        "scoringhost call score.py request.json --repeat 100",
        "scoringhost call localhost:5001 request.json",
        "echo '{\"data\": [[1, 2]]}' | scoringhost call http://localhost:5001/score -",
    ),
)
@click.argument("target", metavar="SCRIPT|URL", type=FILE)
@click.argument("body", metavar="[FILE]", required=False, type=click.Path(allow_dash=True, dir_okay=False))
@click.option("--method", help="HTTP method; POST unless another is named.", default="POST", show_default=True)
@click.option("--path", help="Path with query; /score, or what the URL names.")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A request header; repeatable.")
@click.option("--content-type", default=JSON, show_default=True, help="Media type of the body.")
@click.option(
    "--repeat", type=WholeNumber(min=1), default=1, show_default=True, help="Send it N times; print percentiles."
)
@click.option("-i", "--include", is_flag=True, help="Print status and headers before the body, on standard output.")
@click.option("-q", "--quiet", is_flag=True, help="Print the answer alone, without its head and the time it took.")
@setting_options("model_dir", "config_file", "scoring_timeout_ms", "nan", "app_root", "debug")
def call(
    target: str,
    body: str | None,
    method: str,
    path: str | None,
    headers: tuple[str, ...],
    content_type: str,
    repeat: int,
    include: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Send one request to SCRIPT, which is served in this process for it, or to a URL.

    The body is that of FILE (- for standard input); without one it is the service's own sample:
    request.json beside SCRIPT, or else what run() declares; of a URL, what its API document shows.
    The answer's body is printed on standard output, indented for a terminal; all else on standard error.
    """
    wish = Wish(method.upper(), path, _body(body, method), _headers(headers, content_type), repeat, include, quiet)
    try:
        with _sender(target, settings, wish.headers) as (sender, own_path):
            outcome = _send(sender, wish, own_path)
    except StartupError as error:
        _refuse(explain(error, PREFIX), STARTUP_FAILED)
    except Unreachable as error:
        _refuse(f"{PREFIX}{error}", STARTUP_FAILED)
    except DocumentRefused as error:
        _refuse(f"{PREFIX}{error}", FAILED)
    except NoSample:
        _refuse(
            f"{PREFIX}the service shows no sample of its input; put a request.json beside the script, "
            "or name a FILE to send, or - for standard input",
            FAILED,
        )
    _show(outcome, wish)
    if outcome.failed:
        sys.exit(FAILED)


def _body(name: str | None, method: str) -> bytes | None:
    if name is None:
        return b"" if method.upper() in ("GET", "HEAD", "OPTIONS") else None
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise click.BadParameter(f"{name} cannot be read: {problem.strerror}", param_hint="FILE") from None


def _headers(lines: tuple[str, ...], content_type: str) -> dict[str, str]:
    given = headers_of(lines)
    if any(name.lower() == "content-type" for name in given):
        return given
    return {"Content-Type": content_type, **given}


@contextlib.contextmanager
def _sender(target: str, settings: dict[str, Any], headers: Mapping[str, str]) -> Iterator[tuple[Sender, str]]:
    """What the requests go to, and the path that it names itself. What a script prints goes to standard error."""
    url = as_url(target)
    if url is not None:
        own = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        remote = Remote(Address.of(url), own)
        with contextlib.closing(remote):
            yield remote, remote.address.path
        return
    loaded, warnings = Settings.load(os.environ, given_flags(settings) | {"script": ("SCRIPT", target)}, os.getcwd())
    hidden = of_hidden_packages(Path(loaded.script)) if loaded.script else []
    for warning in [*warnings, *hidden]:
        click.echo(f"{PREFIX}warning: {warning}", err=True)
    folder = Path(loaded.script).parent if loaded.script else None
    with showing_the_script(folder), for_the_answer_alone(), serving(loaded.open_to_all.unrecorded()) as client:
        yield client, SCORE


def _send(sender: Sender, wish: Wish, own_path: str) -> Outcome:
    body = sender.sample() if wish.body is None else wish.body
    path = wish.path or own_path
    return repeat(lambda: sender.request(wish.method, path, body=body, headers=wish.headers), wish.repeat)


# -- what is printed ------------------------------------------------------------------------------


def _show(outcome: Outcome, wish: Wish) -> None:
    answer = outcome.shown
    if wish.include or not wish.quiet:
        click.echo(_head(answer), err=not wish.include)
    _show_body(answer)
    if answer.broken:
        click.echo(f"{PREFIX}{answer.broken}", err=True)
    if not wish.quiet:
        click.echo(_timing(outcome, wish.repeat), err=True)


def _head(answer: Response) -> str:
    with contextlib.suppress(ValueError):
        return _lines(answer, http.HTTPStatus(answer.status).phrase)
    return _lines(answer, "")


def _lines(answer: Response, phrase: str) -> str:
    lines = [f"{answer.status} {phrase}".rstrip(), *(f"{name}: {value}" for name, value in answer.headers)]
    return "\n".join(lines) + "\n"


def _show_body(answer: Response) -> None:
    terminal = sys.stdout.isatty()
    if terminal and answer.media_type.endswith("json"):
        with contextlib.suppress(ValueError):
            click.echo(json.dumps(answer.json(), indent=2, ensure_ascii=False))
            return
    # A line is one in a file, too; bytes that are no text stay what they are.
    is_text = terminal or answer.media_type.endswith("json") or answer.media_type.startswith("text/")
    click.echo(answer.body, nl=is_text and not answer.body.endswith(b"\n"))


def _timing(outcome: Outcome, times: int) -> str:
    latency = Latency.of(outcome.latencies_s)
    if latency is None:
        return f"{outcome.failed} failed"
    run_ms = outcome.shown.header("x-ms-run-fn-exec-ms")
    if times == 1:
        if outcome.shown.streamed:  # the header was sent before the first step: it knows nothing of the stream
            return f"{latency.max:.2f} ms for the whole stream"
        return f"{latency.max:.2f} ms" + (f", of which run() took {run_ms} ms" if run_ms else "")
    figures = f"p50 {latency.p50:.2f}, p95 {latency.p95:.2f}, p99 {latency.p99:.2f}, max {latency.max:.2f} ms"
    return f"{times} requests, {outcome.failed} failed; {figures}"


def _refuse(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
