"""A worker process of `scoringhost batch`: loads the script, runs init(), and scores what it is handed.

It talks to the command over a connection; its standard output and error are the script's, and go to
the log.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from scoringhost import assemble
from scoringhost.batch.mini_batches import MiniBatches
from scoringhost.batch.parts import Contract, Job, Outcome, Part, Ready, Refused
from scoringhost.batch.requests import Requests
from scoringhost.client.in_process import Client, Failures
from scoringhost.engine.engine import Engine
from scoringhost.engine.process import Process
from scoringhost.errors import StartupError
from scoringhost.process.supervisor import join_parent
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import MINI_BATCH_CONTEXT, RunSignature, takes_mini_batch
from scoringhost.script.stand_ins.parallel_run import OUTPUT_VARIABLE
from scoringhost.telemetry.explanation import explain
from scoringhost.telemetry.logs import HOST_LOGGER, PRINT_LOGGER

ORPHAN_S = 5.0
"""Seconds that a worker gets without the command: a run() that ends in that time is followed by shutdown()."""


class Scorer(Protocol):
    """Scores mini-batches."""

    def score(self, part: Part) -> Outcome:
        """Score one."""


def main(descriptor: int, parent: int) -> None:
    """Answer every mini-batch until there is none left, or nobody is left who asks."""
    connection = join_parent(descriptor, parent, ORPHAN_S)
    with contextlib.closing(connection), contextlib.suppress(EOFError, BrokenPipeError):
        job = connection.recv()
        try:
            with _scorer(job) as (scorer, contract):
                connection.send(Ready(contract))
                while (part := connection.recv()) is not None:
                    connection.send(_outcome(scorer, part))
        except StartupError as error:
            connection.send(Refused(explain(error)))


def _outcome(scorer: Scorer, part: Part) -> Outcome:
    try:
        return scorer.score(part)
    except Exception as error:  # a defect of ours, or a script that has broken what we use
        return Outcome.failing(part, f"{type(error).__name__}: {error}", traceback=traceback.format_exc().rstrip())


@contextlib.contextmanager
def _scorer(job: Job) -> Iterator[tuple[Scorer, Contract]]:
    environ, settings = os.environ, job.settings
    environ[OUTPUT_VARIABLE] = str(job.output_dir)
    world = assemble.prepare_process(settings, environ, [], arguments=job.arguments)
    # What the host would log of each request is told at the end, together; the script's own lines are shown.
    logging.getLogger(PRINT_LOGGER).setLevel(logging.getLogger(HOST_LOGGER).level)
    logging.getLogger(HOST_LOGGER).setLevel(logging.CRITICAL)
    script = world.load()
    contract = job.contract
    if contract is None and MINI_BATCH_CONTEXT in inspect.signature(script.run).parameters:
        contract = _of_mini_batches(script)  # no request can fill that parameter, so nothing can serve it
    if contract in (Contract.FILES, Contract.TABLE):
        with _mini_batches(job, script) as scorer:
            yield scorer, contract
        return
    failures = Failures()
    engine = Engine(partial(assemble.build, settings.unrecorded(), failures, world), settings.threads)
    engine.load()
    service = engine.site.host.resolve()
    contract = contract or _looks_like(service.script, service.signature)
    if contract is Contract.REQUESTS:
        with _requests(job, engine, failures) as requests:
            yield requests, contract
    else:
        with _mini_batches(job, service.script) as scorer:
            yield scorer, contract


@contextlib.contextmanager
def _mini_batches(job: Job, script: EntryScript) -> Iterator[MiniBatches]:
    """init() and shutdown() around a run() that is called as Azure ML's batch endpoints do.

    Raises:
        InitFailed: if init() raises.
    """
    script.start(Path(job.settings.model_dir) if job.settings.model_dir else None)
    try:
        yield MiniBatches(script, keeps_results=job.keeps_results, max_retries=job.max_retries, dataset=job.dataset)
    finally:
        if script.shutdown is not None:
            script.shutdown()
        sys.stdout.flush()


@contextlib.contextmanager
def _requests(job: Job, engine: Engine, failures: Failures) -> Iterator[Requests]:
    """init() and shutdown() around a script that is sent requests."""
    process = Process(engine)
    process.init()
    try:
        yield Requests(Client(process, failures), body_form=job.body_form, max_retries=job.max_retries)
    finally:
        process.close()


def _looks_like(script: EntryScript, signature: RunSignature) -> Contract:
    """The contract that an undecorated run() means by the name of what it takes."""
    return _of_mini_batches(script) if takes_mini_batch(signature) else Contract.REQUESTS


def _of_mini_batches(script: EntryScript) -> Contract:
    """The contract of a run(mini_batch) by the annotation of its first parameter."""
    annotation = next(iter(inspect.signature(script.run).parameters.values())).annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return Contract.TABLE if name.rpartition(".")[2] == "DataFrame" else Contract.FILES
