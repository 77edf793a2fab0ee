"""Checking an entry script before it is deployed: what would bite in production.

`check` serves the script in this process as `scoringhost serve` would, posts its own sample, and
gathers the findings of the families: `configuration`, `ignored`, `places`, `blocking`, `code`,
`exceptions`, `names`, `results`, `pickles`, `round_trip` with `coercions`. Each is a function to findings;
`findings` describes them and the report.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scoringhost.access.made import guards_of
from scoringhost.checking.blocking import blocking_calls
from scoringhost.checking.code import encoded_twice, texts_read_as_files
from scoringhost.checking.configuration import (
    contradicting_limits,
    misspelt_environment,
    model_folder,
    unread_settings,
)
from scoringhost.checking.exceptions import answered_exceptions, swallowed_exceptions
from scoringhost.checking.findings import Finding, Report, Severity, ordered
from scoringhost.checking.ignored import ignored_logging, ignored_settings
from scoringhost.checking.names import undefined_names
from scoringhost.checking.pickles import foreign_versions
from scoringhost.checking.places import helper_modules, hidden_packages, relative_paths
from scoringhost.checking.requirements import unmet_requirements
from scoringhost.checking.results import ignored_annotations, unmeant_results
from scoringhost.checking.round_trip import notices, round_trip
from scoringhost.checking.source import Source
from scoringhost.client.answers import JSON
from scoringhost.client.in_process import serving
from scoringhost.errors import InitFailed, ScriptImportFailed, ScriptNotFound, StartupError
from scoringhost.script.signature import MINI_BATCH
from scoringhost.script.stand_ins.finder import stand_ins_in_use
from scoringhost.script.stand_ins.parallel_run import OUTPUT_VARIABLE
from scoringhost.script.stand_ins.table import STAND_INS
from scoringhost.settings import Settings

SLOW_INIT_S = 60.0
FOREIGN_MODEL = "InconsistentVersionWarning"


def check(
    settings: Settings,
    environ: Mapping[str, str],
    body: bytes | None = None,
    content_type: str = JSON,
    ignored: Sequence[str] = (),
) -> Report:
    """Check the entry script of some settings.

    body: what is posted, in place of the script's own sample. ignored: the warnings of `Settings.load`.

    Raises:
        StartupError: if the script is not there.
    """
    path = Path(settings.script or "")
    try:
        source = Source.read(path)
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None)
        unread = Finding(Severity.ERROR, "syntax", f"it is not Python: {problem}", "Correct it.", path, line)
        return Report(path, False, (unread,))
    findings = [*ignored_settings(settings, ignored), *ignored_logging(settings)]
    findings += _standing(source, settings, environ)
    try:
        guards_of(settings.http)  # whether keys and tokens can be read; the sample is posted without them
        findings += _served(
            source, settings.open_to_all.unrecorded(), body, content_type, frozenset(one.code for one in findings)
        )
    except StartupError as error:
        return Report(path, False, ordered([*findings, _not_loaded(source, error)]))
    return Report(path, True, ordered(findings))


def not_begun(script: Path, error: StartupError) -> Report:
    """The report if there are no settings, or no script, to check."""
    code = "no-script" if isinstance(error, ScriptNotFound) else "unusable-setting"
    return Report(script, False, (Finding(Severity.ERROR, code, str(error), "Correct it, then check again."),))


def _not_loaded(source: Source, error: StartupError) -> Finding:
    message, remedy, traceback = str(error), "", getattr(error, "traceback", "")
    if isinstance(error, InitFailed):
        message, remedy = f"init() raised {_in_one_line(error.__cause__)}", error.advice
    elif isinstance(error, ScriptImportFailed):
        message = f"importing it raised {_in_one_line(error.__cause__)}"
        if isinstance(error.__cause__, (ImportError, SyntaxError)):
            remedy = error.advice  # that of other errors points to a traceback, which serve shows above it
    remedy = remedy or "Correct it, then check again."
    line = source.line_in(traceback)
    return Finding(Severity.ERROR, "not-loaded", message, remedy, source.path, line, traceback)


def _in_one_line(error: BaseException | None) -> str:
    try:
        text = str(error).strip().partition("\n")[0]
    except Exception:
        text = ""  # the script's own __str__ fails
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _standing(source: Source, settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What can be said without running anything."""
    yield from unread_settings(settings)
    yield from misspelt_environment(environ, source)
    yield from contradicting_limits(settings)
    folders = [Path(settings.model_dir)] if settings.model_dir else []
    if source.is_model:
        yield from foreign_versions([*folders, source.path])
        yield from unmet_requirements(source.path)
        return
    yield from model_folder(settings, source)
    yield from helper_modules(source, settings, environ)
    yield from hidden_packages(source)
    yield from relative_paths(source)
    yield from blocking_calls(source)
    yield from encoded_twice(source)
    yield from texts_read_as_files(source)
    yield from answered_exceptions(source)
    yield from swallowed_exceptions(source)
    yield from undefined_names(source)
    yield from unmeant_results(source)
    yield from ignored_annotations(source)
    yield from foreign_versions(folders)


def _served(
    source: Source, settings: Settings, body: bytes | None, content_type: str, known: frozenset[str]
) -> list[Finding]:
    """What shows when the script is served; findings of a kind that is known already are left out."""
    findings: list[Finding] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began_s = time.perf_counter()
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(settings.unrecorded(), _of_batch(source, folder)) as client,
        ):
            init_s = time.perf_counter() - began_s
            findings += round_trip(source, client, body, content_type)
            findings += notices(source, client)
            findings += _stand_ins(source)
    findings += _slow_init(source, init_s)
    findings += _warned(source, caught)
    return [one for one in findings if one.code not in known & {"encoded-twice", "pickle-version"}]


def _of_batch(source: Source, folder: str) -> dict[str, str]:
    """The variables that a batch script of Azure ML finds, and no other one."""
    run = source.functions.get("run")
    taken = [one.arg for one in run.args.args] if run is not None else []
    return {OUTPUT_VARIABLE: folder} if taken[:1] == [MINI_BATCH] else {}


def _stand_ins(source: Source) -> Iterator[Finding]:
    """What scoringhost has answered in place of a package."""
    for name, says in stand_ins_in_use().items():
        message = f"{name} is answered by scoringhost: {says}"
        stand_in = STAND_INS[name]
        remedy = "Install the package that brings it if the script needs more of it."
        if stand_in.is_another:
            remedy = f"Write `import {stand_in.source}`."
        yield Finding(Severity.HINT, "stand-in", message, remedy, source.path, source.line_of_import(name))


def _slow_init(source: Source, init_s: float) -> Iterator[Finding]:
    if init_s > SLOW_INIT_S:
        message = f"importing the script and init() took {init_s:.0f} s, in every worker and after every restart"
        remedy = "Give the readiness probe that long, and think of --preload with several workers."
        init = source.functions.get("init")
        yield Finding(Severity.HINT, "slow-init", message, remedy, source.path, init.lineno if init else None)


def _warned(source: Source, caught: list[warnings.WarningMessage]) -> Iterator[Finding]:
    """scikit-learn's own warning about a model of another version."""
    for warning in caught:
        if warning.category.__name__ == FOREIGN_MODEL:
            message = str(warning.message).partition(". This might lead")[0]
            remedy = "Install the version that the model was made with, or train and save it again."
            yield Finding(Severity.WARNING, "pickle-version", message, remedy, source.path)
