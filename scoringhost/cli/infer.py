"""scoringhost infer: requests of the Open Inference Protocol, a line each, to any server that speaks it.

Exit codes: 0 if every line was answered; 1 if one was not, which the output says; 2 for a usage error; 3 if the input
or the output cannot be used, or nobody answers. The flags are MLServer's, and its variables are read, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import click

from scoringhost.cli.options import Verb, headers_of
from scoringhost.errors import MissingExtra
from scoringhost.inferring import Inferring, Plan, Tally
from scoringhost.inferring.lines import read
from scoringhost.inferring.where import Refused, Where, connector
from scoringhost.schema import json_text
from scoringhost.settings.declaration import WholeNumber

FAILED, UNUSABLE = 1, 3
PREFIX = "scoringhost: "
REPORT_S = 10.0
BAR_S = 0.1


def _variable(name: str) -> str:
    return f"MLSERVER_INFER_{name}"


@click.command(
    cls=Verb,
    short_help="Send many inference requests to a server.",
    examples=(
        "scoringhost infer -u localhost:5001 -m diabetes -i requests.jsonl -o responses.jsonl",
        "scoringhost infer -u localhost:9001 -t grpc -m diabetes -i requests.jsonl -o responses.jsonl -s 32",
        "producer | scoringhost infer -m diabetes -i - -o - --keep-order",
    ),
)
@click.option(
    "-u",
    "--url",
    default="localhost:5001",
    show_default=True,
    envvar=_variable("URL"),
    help="Of the server: HOST:PORT.",
)
@click.option(
    "-m",
    "--model-name",
    envvar=_variable("MODEL_NAME"),
    help="The model; not needed if the server has one only (REST).",
)
@click.option("--model-version", envvar=_variable("MODEL_VERSION"), help="Of the model; the server chooses without.")
@click.option(
    "-i", "--input-data-path", "source", required=True, envvar=_variable("INPUT_DATA_PATH"),
    help="File with a request as JSON in each line; - for standard input.",
)  # fmt: skip
@click.option(
    "-o", "--output-data-path", "output", required=True, envvar=_variable("OUTPUT_DATA_PATH"),
    help="File for a response as JSON in each line; - for standard output.",
)  # fmt: skip
@click.option(
    "-w", "--workers", type=WholeNumber(min=1), default=10, show_default=True, envvar=_variable("WORKERS"),
    help="Requests that are under way at once.",
)  # fmt: skip
@click.option(
    "-r", "--retries", type=WholeNumber(min=0), default=3, show_default=True, envvar=_variable("RETRIES"),
    help="Times that a request is sent again which got no answer, or 429, 502, 503 or 504.",
)  # fmt: skip
@click.option(
    "-s", "--batch-size", type=WholeNumber(min=1), default=1, show_default=True, envvar=_variable("BATCH_SIZE"),
    help="Neighbouring requests that are sent as one, if they can be joined.",
)  # fmt: skip
@click.option(
    "-b", "--binary-data", is_flag=True, envvar=_variable("BINARY_DATA"), help="Send and get tensors as bytes."
)
@click.option(
    "-t", "--transport", type=click.Choice(["rest", "grpc"]), default="rest", show_default=True,
    envvar=_variable("TRANSPORT"),
)  # fmt: skip
@click.option(
    "-H", "--request-headers", "headers", multiple=True, metavar="NAME:VALUE", envvar=_variable("REQUEST_HEADERS"),
    help="A header of every request; repeatable.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=60, show_default=True,
    envvar=_variable("CONNECTION_TIMEOUT"), help="Seconds to wait for an answer.",
)  # fmt: skip
@click.option(
    "--batch-interval", type=click.FloatRange(0), default=0, show_default=True, envvar=_variable("BATCH_INTERVAL"),
    help="Least seconds from one request of a worker to its next.",
)  # fmt: skip
@click.option(
    "--batch-jitter", type=click.FloatRange(0), default=0, show_default=True, envvar=_variable("BATCH_JITTER"),
    help="Most seconds, by chance, that are added to it.",
)  # fmt: skip
@click.option("--use-ssl", is_flag=True, envvar=_variable("USE_SSL"), help="Secure the connection with TLS.")
@click.option("--insecure", is_flag=True, envvar=_variable("INSECURE"), help="Believe any certificate.")
@click.option("--keep-order", is_flag=True, help="Write the responses in the order of the requests.")
@click.option("--overwrite", is_flag=True, help="Replace an output that is there.")
@click.option("-v", "--verbose", count=True, envvar=_variable("VERBOSE"), help="Say which lines fail.")
def infer(
    url: str,
    model_name: str | None,
    model_version: str | None,
    source: str,
    output: str,
    timeout: float,
    headers: tuple[str, ...],
    verbose: int,
    overwrite: bool,
    **how: Any,
) -> None:
    """Send the requests in a file to a server of the Open Inference Protocol, and write what it answers.

    Each line of the input gives one line of the output, with its number in `parameters.batch_index`. What fails is a
    line with `error`, and costs the other lines nothing.
    """
    where = Where(url, model_name, model_version, headers_of(headers), timeout, how["use_ssl"], how["insecure"])
    plan = Plan(
        how["workers"], how["retries"], how["batch_size"], how["keep_order"], how["batch_interval"], how["batch_jitter"]
    )
    try:
        connect = connector(where, how["transport"], binary=how["binary_data"])
        with _input(source) as lines, _output(output, overwrite=overwrite) as write, Display(verbose, lines) as display:
            tally = asyncio.run(Inferring(read(lines), connect, write, plan, display.show).run())
    except BrokenPipeError:
        sys.exit(FAILED)  # whoever read the output has seen enough
    except (Refused, MissingExtra, OSError) as problem:
        click.echo(f"{PREFIX}{problem}", err=True)
        sys.exit(UNUSABLE)
    click.echo(f"{tally.answered:,} answered, {tally.failed:,} failed in {display.elapsed_s:.1f} s", err=True)
    if tally.failed:
        click.echo(f"{PREFIX}the first failure: {tally.first_failure}", err=True)
        sys.exit(FAILED if tally.reached else UNUSABLE)


# -- files ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _input(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as closing:
        try:
            file = closing.enter_context(open(source, "rb"))
        except OSError as problem:
            raise Refused(f"{source} cannot be read: {problem.strerror}") from None
        yield file


@contextlib.contextmanager
def _output(path: str, *, overwrite: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    with contextlib.ExitStack() as closing:
        file = sys.stdout.buffer if path == "-" else closing.enter_context(_created(path, overwrite=overwrite))
        closing.callback(file.flush)
        yield lambda line: _write(file, line)


def _created(path: str, *, overwrite: bool) -> IO[bytes]:
    try:
        return open(path, "wb" if overwrite else "xb")
    except FileExistsError:
        raise Refused(f"{path} is there already; --overwrite replaces it") from None
    except OSError as problem:
        raise Refused(f"{path} cannot be written: {problem.strerror}") from None


def _write(file: IO[bytes], line: dict[str, Any]) -> None:
    file.write(json_text.dumps(line) + b"\n")


# -- what is shown --------------------------------------------------------------------------------


class Display:
    """Progress on standard error: a bar on a terminal, otherwise a line now and then."""

    def __init__(self, verbose: int, lines: IO[bytes]) -> None:
        """`lines`: the input, whose position says how far it is; a pipe has none."""
        self._verbose, self._lines = verbose, lines
        self._size = os.fstat(lines.fileno()).st_size if lines.seekable() else 0
        self._bar: Any = None
        self._began_s = self._reported_s = time.monotonic()
        self._failed = 0

    def __enter__(self) -> Display:
        """Begin to show."""
        if sys.stderr.isatty():
            self._bar = click.progressbar(length=max(self._size, 1), file=sys.stderr, item_show_func=lambda item: item)
        return self

    def __exit__(self, *_: object) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.render_finish()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def show(self, tally: Tally) -> None:
        """Show how far it is; with -v what has failed."""
        if self._verbose and tally.failed > self._failed:
            self._failed = tally.failed
            self._say(f"{PREFIX}{tally.last_failure}")
        now_s = time.monotonic()
        if now_s - self._reported_s < (REPORT_S if self._bar is None else BAR_S):
            return
        self._reported_s = now_s
        counts = f"{tally.answered:,} answered, {tally.failed:,} failed"
        if self._bar is None:
            self._say(counts)
            return
        at = min(self._lines.tell(), self._size) if self._size else 0
        self._bar.update(at - self._bar.pos, counts)
        self._bar.render_progress()

    def _say(self, text: str) -> None:
        if self._bar is not None:
            click.echo("\r\x1b[K", err=True, nl=False)
        click.echo(text, err=True)
