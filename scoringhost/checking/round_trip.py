"""The sample through the whole path: JSON, run(), JSON, and what the script says that it returns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator

from scoringhost.checking.code import twice_encoded
from scoringhost.checking.coercions import fractions
from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Source
from scoringhost.client.answers import JSON, NoSample, Response
from scoringhost.client.in_process import Client
from scoringhost.script.signature import Takes, takes_mini_batch

SHOWN_MISFITS = 3
UNAVAILABLE = 503
"""What a script answers that waits for something else: a service behind it, a model that is loaded."""


def round_trip(source: Source, client: Client, body: bytes | None, content_type: str = JSON) -> Iterable[Finding]:
    """Post the script's sample, or `body`, and look at what comes back.

    The sample is request.json beside the script, or else what its decorators declare.
    """
    if body is None:
        declared = client.description.declared_sample
        if declared is not None:
            yield from fractions(source, client.service.signature, declared)
        try:
            sample = client.sample()
        except NoSample:
            yield _no_sample(source, client)
            return
    answer = client.request(
        "POST", "/score", body=sample if body is None else body, headers={"Content-Type": content_type}
    )
    yield from _failure(source, answer) if not answer.is_success else _success(source, client, answer)


def notices(source: Source, client: Client) -> Iterable[Finding]:
    """What the host has warned of meanwhile: NaN in a result, batching that is off, CORS origins."""
    for notice in client.notices:
        yield Finding(Severity.WARNING, "notice", notice, "`scoringhost serve --help` lists the settings.", source.path)


def _no_sample(source: Source, client: Client) -> Finding:
    signature = client.service.signature
    if takes_mini_batch(signature):
        message = "run(mini_batch) is a batch script of Azure ML: served, it gets the body of a request as text"
        remedy = "Score files with `scoringhost batch`."
        return Finding(Severity.HINT, "batch-script", message, remedy, source.path, source.run_line)
    remedy = "Put a request.json beside the script, or name a request with --sample FILE"
    if signature.takes is Takes.RAW:
        remedy += " (and --content-type)."
    elif signature.takes is Takes.REQUEST:
        remedy += ", or name the model's inputs, with their shapes, in model-settings.json."
    else:
        remedy += ", or declare the input: @scoringhost.typed with Field(examples=...), or @input_schema."
    message = "run() declares no sample of its input, so nothing was posted to it"
    return Finding(Severity.HINT, "no-sample", message, remedy, source.path, source.run_line)


def _failure(source: Source, answer: Response) -> Iterator[Finding]:
    if answer.traceback:
        where = source.line_in(answer.traceback) or source.run_line
        message = f"run() raised {answer.traceback.splitlines()[-1]}"
        yield Finding(
            Severity.ERROR, "run-failed", message, "Correct it; it fails on its own sample.", source.path, where
        )
    elif "cannot be encoded" in answer.message:
        remedy = "Return JSON's own types, arrays, frames, dates or bytes, or a Response."
        yield Finding(Severity.ERROR, "not-encodable", answer.message, remedy, source.path, source.run_line)
    elif answer.status == UNAVAILABLE:
        message = f"the script answers its sample with 503: {answer.message}"
        remedy = "Start what it needs, and check again; nothing else could be looked at."
        yield Finding(Severity.WARNING, "unavailable", message, remedy, source.path, source.run_line)
    else:
        message = f"the sample is answered with {answer.status}: {answer.message}"
        remedy = "Make the sample a request that callers may send."
        yield Finding(Severity.ERROR, "sample-refused", message, remedy, source.path, source.run_line)


def _success(source: Source, client: Client, answer: Response) -> Iterator[Finding]:
    if answer.media_type != JSON:
        return  # a stream, or a response of the script's own
    result = answer.json()
    if _is_json_text(result):
        yield twice_encoded(source, source.run_line)
        return
    for misfit in itertools.islice(client.service.declarations.output.misfits(result), SHOWN_MISFITS):
        what = f"{misfit.path or 'the result'}: expected {misfit.expected}, got {misfit.got}"
        message = f"the result does not fit the declared output; {what}"
        remedy = "Correct @output_schema, which clients are generated from, or what run() returns."
        yield Finding(Severity.WARNING, "output-differs", message, remedy, source.path, source.run_line)


def _is_json_text(result: object) -> bool:
    """Whether a result is the text of a JSON object or array."""
    if not isinstance(result, str):
        return False
    try:
        return isinstance(json.loads(result), (dict, list))
    except (ValueError, RecursionError):
        return False
