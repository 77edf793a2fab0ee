"""scikit-learn models in joblib or pickle files: Azure ML's `{"data": rows, "method": "predict_proba"}`."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scoringhost.errors import InvalidParameter, ScriptUnservable
from scoringhost.runtimes import sklearn_inputs
from scoringhost.runtimes.made import entry_script, imports_beside, require
from scoringhost.runtimes.model_schemas import ROWS, NamedOutputs, body_schema, schemas_of
from scoringhost.runtimes.numpy_inputs import ModelInput
from scoringhost.runtimes.numpy_results import as_array, metadata_of
from scoringhost.schema.declared import shortened
from scoringhost.schema.tensor_metadata import TensorMetadata
from scoringhost.script.imports import ScriptImports
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

log = logging.getLogger("azmlinfsrv.model")

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
"""What a request may ask for, if the model has it; the V2 outputs have these names."""
_BY_DEFAULT = ("predict_proba", "predict", "transform", "decision_function", "score_samples")
"""Without a word in the request, as Azure ML's documents have it: probabilities where the model has them."""
_CALLERS_FAULTS = (
    "NaN",
    "infinity",
    "nfinite",
    "unknown categor",
    "could not convert string to float",
    "negative values",
)
"""What scikit-learn's own checks of values say, which nothing but the call itself can find."""


def load(path: Path) -> EntryScript:
    """The service of a scikit-learn model.

    Raises:
        MissingExtra: if scikit-learn is not installed.
        ScriptUnservable: if the file cannot be read, or holds no model.
    """
    require("sklearn", "sklearn")
    imports = imports_beside(path)
    try:
        with imports.in_force():
            return _service(path, _read(path), imports)
    except BaseException:
        imports.close()
        raise


def _service(path: Path, model: Any, imports: ScriptImports) -> EntryScript:
    methods = [name for name in METHODS if callable(getattr(model, name, None))]
    if not methods:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ScriptUnservable(str(path), f"a model of scikit-learn was expected, and it holds a {kind}")
    takes = sklearn_inputs.input_of(model)
    usual = next((name for name in _BY_DEFAULT if name in methods), methods[0])
    scorer = Scorer(model, methods, usual)
    output = NamedOutputs(ROWS, _outputs(scorer, takes), "predict" if "predict" in methods else usual)
    data = DeclaredInput(takes.type)
    parameters = (Parameter("data", REQUIRED, data), Parameter("method", None, None))
    method = {"type": "string", "enum": methods, "default": usual}
    body = body_schema({"data": takes.schema, "method": method}, ["data"], {"data": takes.sample})
    declarations = Declarations(
        scorer.run,
        {"data": data},
        True,
        schemas_of(body, ROWS),
        output,
        parameters=parameters,
        aliases={"input_data": "data"},
        chooses_outputs="method",
    )
    return entry_script(path, scorer.run, declarations, imports=imports)


class Scorer:
    """Calls the methods of one model."""

    def __init__(self, model: Any, methods: list[str], usual: str) -> None:
        self.model, self.methods, self.usual = model, methods, usual

    def run(self, data: Any, method: object = None) -> Any:
        """Score rows with a method of the model, as plain lists; or with several, by their names."""
        if isinstance(method, (list, tuple)):
            return {name: self.called(str(name), data) for name in method or self.chosen_by_tensors}
        return self.called(self.usual if method is None else method, data)

    @property
    def chosen_by_tensors(self) -> list[str]:
        """The outputs that a V2 request gets which names none: MLServer's clients expect `predict` alone."""
        return ["predict"] if "predict" in self.methods else [self.usual]

    def called(self, method: object, data: Any) -> Any:
        """The result of one method as an array.

        Raises:
            InvalidParameter: if the model has no such method, or refuses a value.
        """
        if method not in self.methods:
            raise InvalidParameter("method", f"one of {', '.join(self.methods)}", shortened(repr(method)))
        try:
            return as_array(getattr(self.model, str(method))(data))
        except ValueError as error:
            text = str(error).strip().partition("\n")[0]
            if not any(fault in text for fault in _CALLERS_FAULTS):
                raise
            raise InvalidParameter("data", "values that the model takes", shortened_long(text)) from error


def shortened_long(text: str) -> str:
    """A sentence of scikit-learn's about a value, without what a caller may have put there at length."""
    return text if len(text) <= 200 else text[:197] + "..."


def _outputs(scorer: Scorer, takes: ModelInput) -> tuple[TensorMetadata, ...]:
    """The tensors of the methods' results, found by calling each with the sample; those that refuse it have one number.

    A model may refuse its sample, which is zeros or the first category: what it was trained with, nobody knows.
    """
    found = []
    for name in [*scorer.chosen_by_tensors, *(one for one in scorer.methods if one not in scorer.chosen_by_tensors)]:
        metadata = TensorMetadata(name, "FP64", (-1,))
        with contextlib.suppress(Exception), _one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            metadata = metadata_of(name, scorer.called(name, takes.type.to_python(takes.sample)))
        found.append(metadata)
    return tuple(found)


def _one_thread() -> contextlib.AbstractContextManager[object]:
    """OpenMP's threads do not survive a fork, which --preload does after this: then none may be started yet."""
    threadpoolctl = require("threadpoolctl", "sklearn")
    limits: contextlib.AbstractContextManager[object] = threadpoolctl.threadpool_limits(limits=1)
    return limits


# -- reading the file -----------------------------------------------------------------------------


def _read(path: Path) -> Any:
    joblib = require("joblib", "sklearn")
    with _versions_in_one_line(path):
        try:
            return joblib.load(path)
        except ModuleNotFoundError as missing:
            remedy = f"install what has it, or put {missing.name}.py beside the model"
            raise ScriptUnservable(str(path), f"it needs the module {missing.name}: {remedy}") from missing
        except Exception as error:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            expected = "a model that joblib.dump() or pickle.dump() has written was expected"
            raise ScriptUnservable(str(path), f"{expected}, and reading it raised {what}") from error


@contextlib.contextmanager
def _versions_in_one_line(path: Path) -> Iterator[None]:
    """scikit-learn warns once for each estimator in a model of another version; one line says the same."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    versions: set[tuple[str, str]] = set()
    for warning in caught:
        if type(warning.message).__name__ == "InconsistentVersionWarning":
            message: Any = warning.message
            versions.add((message.original_sklearn_version, message.current_sklearn_version))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    for made, here in sorted(versions):
        log.warning(
            "%s was made with scikit-learn %s, and %s is installed: it may fail, or answer otherwise; "
            "install scikit-learn==%s, or train it again",
            path.name, made, here, made,
        )  # fmt: skip
