"""MlflowScoring: the model of an MLflow folder, and what MLflow's scoring server does around it.

Bodies are parsed, cast and checked by MLflow's own functions, as each of their rules has exceptions that depend on
its version. `mlflow_shortcuts` is a faster way for common shapes of numbers, which gives the same.

Casting and checking are done where bodies are decoded, before calls are joined into batches; run() only predicts.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoringhost.errors import ModelRefused, ResultNotEncodable
from scoringhost.runtimes.mlflow_losses import loss_in
from scoringhost.runtimes.mlflow_refusals import refusal_of, refused
from scoringhost.runtimes.mlflow_shortcuts import Shortcuts
from scoringhost.runtimes.mlflow_sklearn import array_predict
from scoringhost.schema import json_text
from scoringhost.schema.json_text import NanPolicy
from scoringhost.schema.large_arrays import LEAST_BODY

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The keys of a scoring document of which it has one."""
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
INVALID = "INVALID_PARAMETER_VALUE"
FAILED = "Failed to predict data. \nError: "
UNEXPECTED = (
    "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is "
    "compatible with the model for inference."
)
"""What MLflow says of a model that has raised."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body is to the model: its data, its parameters, whether the answer is to be wrapped in `predictions`."""

    data: Any
    params: Any
    is_wrapped: bool = True

    def arguments(self) -> dict[str, Any]:
        """What run() is called with."""
        return {"input_data": self.data, "params": self.params}


class MlflowScoring:
    """One model folder. `load` is to be called before anything is read."""

    def __init__(self, folder: Path) -> None:
        """Read what the folder says of itself; the model is not loaded yet, and no code of it is run."""
        from mlflow.models import Model
        from mlflow.pyfunc import FLAVOR_NAME, scoring_server

        self.folder, self._server = folder, scoring_server
        self.metadata = Model.load(str(folder))
        self.input_schema = self.metadata.get_input_schema()
        self.params_schema = self.metadata.get_params_schema()
        self.output_schema = self.metadata.get_output_schema()
        self.is_hinted = self._says("_is_signature_from_type_hint")
        flavor = self.metadata.flavors[FLAVOR_NAME]
        self._loader, self._predict_name = flavor.get("loader_module"), flavor.get("predict_fn", "predict")
        # A signature that is read off type hints, or off an example, is enforced by the model's own predict().
        self._checks = not self.is_hinted and not self._says("_is_type_hint_from_example")
        self._shortcuts = Shortcuts(self.input_schema) if self._checks else None
        self._model: Any = None
        self._takes_params = False
        self._of_array: Callable[[Any], Any] | None = None

    def _says(self, method: str) -> bool:
        """What newer versions of MLflow ask a model's metadata."""
        asked = getattr(self.metadata, method, None)
        return bool(asked and asked())

    @property
    def version(self) -> str:
        """Of the MLflow that is installed."""
        return str(self._server.VERSION)

    def load(self, config: Mapping[str, Any] | None = None) -> None:
        """Load the model, which may run code of its folder. config: passed to the model, as its `model_config`."""
        from mlflow.pyfunc import load_model

        more = {} if config is None else {"model_config": dict(config)}
        # The requirements that are not met are told by `mlflow_folder`, in one line.
        self._model = load_model(str(self.folder), suppress_warnings=True, **more)
        with contextlib.suppress(ImportError):
            from mlflow.environment_variables import _MLFLOW_IS_IN_SERVING_ENVIRONMENT

            _MLFLOW_IS_IN_SERVING_ENVIRONMENT.set(True)  # models ask for it; MLflow's own server does the same
        self._checks = self._checks and hasattr(self._model, "_predict_fn")
        if not self._checks:
            return
        found = inspect.signature(self._model._predict_fn).parameters.get("params")
        self._takes_params = found is not None and found.kind is not inspect.Parameter.VAR_KEYWORD
        if self._loader == "mlflow.sklearn":
            self._of_array = array_predict(self._model, self.input_schema, self._predict_name)
            if self._shortcuts is not None:
                self._shortcuts.gives_arrays = self._of_array is not None

    # -- reading --------------------------------------------------------------------------------

    def read_body(self, body: bytes, kind: str) -> Reading:
        """What a body of `/invocations` is; `kind`: its media type, one that MLflow's server takes.

        Raises:
            ModelRefused: if it is not what the model takes.
        """
        if kind == CSV:
            return self._checked(
                self._parsed(lambda: self._server.parse_csv_input(_text_file(body), self.input_schema))
            )
        if kind == PARQUET:
            # MLflow 2's server takes no Parquet; the table is read as MLflow 3's reads it.
            read = getattr(self._server, "parse_parquet_input", read_parquet)
            return self._checked(self._parsed(lambda: read(io.BytesIO(body))))
        if self._shortcuts is not None and len(body) >= LEAST_BODY:
            data = self._shortcuts.of_large(body)
            if data is not None:
                return Reading(data, self._params(None))
        return self.read(self._decoded(body))

    def _decoded(self, body: bytes) -> dict[str, Any]:
        """The document of a body."""
        try:
            document = json_text.loads(body)
        except Exception:
            document = None
        if isinstance(document, dict):
            return document
        found: dict[str, Any] = self._parsed(lambda: self._server._decode_json_input(body))
        return found

    def read(self, document: dict[str, Any]) -> Reading:
        """What a scoring document is: one of FORMATS and perhaps `params`, or a chat, a prompt or an embedding's input.

        Raises:
            ModelRefused: if it is not what the model takes.
        """
        if self._shortcuts is not None:
            data = self._shortcuts.data(document)
            if data is not None:
                return Reading(data, self._params(document.get("params")))
        if self._checks:
            loss = loss_in(document, self.input_schema)
            if loss:
                raise refused(f"Invalid input. {loss}")
        parse = self._server._parse_json_data
        parsed = self._parsed(lambda: parse(document, self.metadata, self.input_schema))
        return self._checked(parsed.data, parsed.params, is_wrapped=not parsed.is_unified_llm_input)

    def _parsed(self, parse: Any) -> Any:
        """What one of MLflow's parsers answers; it leaves some refusals to chance (`inputs` that are null, say)."""
        try:
            return parse()
        except ModelRefused:
            raise
        except RecursionError:
            raise refused("Invalid input. It is nested too deeply") from None
        except Exception as problem:
            raise refusal_of(problem) or refused(f"Invalid input. {problem}") from None

    def _checked(self, data: Any, params: Any = None, *, is_wrapped: bool = True) -> Reading:
        return Reading(*self.enforced(data, params), is_wrapped)

    def enforced(self, data: Any, params: Any = None) -> tuple[Any, Any]:
        """Data and parameters as the signature wants them.

        Raises:
            ModelRefused: if they do not fit. The words are MLflow's, but for the data, which it repeats in them whole.
        """
        if not self._checks:
            return data, params
        from mlflow.pyfunc import _validate_prediction_input as enforce

        try:
            found: tuple[Any, Any] = enforce(data, params, self.input_schema, self.params_schema, self._loader)
        except Exception as problem:
            refusal = refusal_of(problem, FAILED, without=f" '{data}'")
            if refusal is None:
                raise
            raise refusal from None
        return found

    def _params(self, params: Any) -> Any:
        if self.params_schema is None and params is None:
            return None
        from mlflow.models.utils import _enforce_params_schema

        try:
            return _enforce_params_schema(params, self.params_schema)
        except Exception as problem:
            raise refusal_of(problem, FAILED) or problem from None

    # -- scoring --------------------------------------------------------------------------------

    def predict(self, data: Any, params: Any) -> Any:
        """What the model makes of data that `read` has given.

        Raises:
            ModelRefused: if the model says so by an MlflowException of the caller's fault. Whatever else it raises is
                its own failure.
        """
        try:
            if self._of_array is not None and self._checks:
                return self._of_array(data.to_numpy() if hasattr(data, "to_numpy") else data)
            if not self._checks:
                return self._model.predict(data, params=params)
            with self._in_context():
                predict = self._model._predict_fn
                return predict(data, params=params) if self._takes_params else predict(data)
        except Exception as problem:
            refusal = refusal_of(problem, FAILED)
            if refusal is None:
                raise
            raise refusal from problem

    def _in_context(self) -> contextlib.AbstractContextManager[Any]:
        """What `PyFuncModel.predict` puts around a prediction, for models that ask which it is."""
        try:
            from mlflow.pyfunc.context import Context, set_prediction_context
        except ImportError:
            return contextlib.nullcontext()
        context = Context()
        model_id = getattr(self._model, "model_id", None)
        if model_id:
            context.update(model_id=model_id)
        update = getattr(self._model, "_update_dependencies_schemas_in_prediction_context", None)
        if update is not None and self.metadata.metadata:
            update(context)
        around: contextlib.AbstractContextManager[Any] = set_prediction_context(context)
        return around

    def failure(self, cause: BaseException | None) -> ModelRefused:
        """What MLflow's server says of an exception of the model: MLflow's own as they are, no others."""
        code = getattr(cause, "error_code", None)
        if cause is None or not isinstance(code, str) or not hasattr(cause, "get_http_status_code"):
            return refused(UNEXPECTED)
        return ModelRefused(f"{FAILED}{cause}", code)

    # -- answering ------------------------------------------------------------------------------

    def encoded(self, output: Any, nan: NanPolicy, *, is_wrapped: bool) -> bytes:
        """A result as JSON, as MLflow's server writes it but for NaN and infinities.

        Raises:
            ResultNotEncodable: if JSON cannot hold it.
        """
        from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

        jsonable = _get_jsonable_obj(output, pandas_orient="records")
        document = {"predictions": jsonable} if is_wrapped else jsonable
        if type(output) is not type(jsonable) and output.__class__.__name__ == "ndarray":
            # Floats of 32 bits are doubles by now, as in MLflow; orjson would write them shorter.
            return json_text.dumps(document, nan=nan)
        try:
            text = json.dumps(document, cls=NumpyEncoder)
            if nan is NanPolicy.NULL and ("NaN" in text or "Infinity" in text):
                text = json.dumps(json.loads(text, parse_constant=lambda _: None))
        except (TypeError, ValueError, RecursionError) as problem:
            raise ResultNotEncodable(str(problem)) from None
        return text.encode("ascii")


def read_parquet(file: io.BytesIO) -> Any:
    """The frame of a body in Parquet.

    Raises:
        ModelRefused: if it is none; in MLflow's words.
    """
    import pandas

    try:
        return pandas.read_parquet(file)
    except Exception as problem:
        why = "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid Parquet Pandas DataFrame"
        raise refused(f"{why} produced using the `pandas.DataFrame.to_parquet()` method. Error: '{problem}'") from None


def _text_file(body: bytes) -> io.StringIO:
    try:
        return io.StringIO(body.decode())
    except UnicodeDecodeError as problem:
        why = f"Invalid input. Ensure that input is a valid UTF-8 encoded string. Error: '{problem!r}'"
        raise refused(why) from None
