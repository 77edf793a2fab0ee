"""Makes the model folders of the comparison: `python tests/mlflow_folders/folders.py FOLDER`."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import Array, Object, Property

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.mlflow_folders.estimators import ESTIMATORS

CODE = Path(__file__).with_name("model_code")

MIXED = [
    ColSpec(DataType.double, "d"),
    ColSpec(DataType.float, "f"),
    ColSpec(DataType.long, "l"),
    ColSpec(DataType.integer, "i"),
    ColSpec(DataType.boolean, "b"),
    ColSpec(DataType.string, "s"),
]
PARAMS = ParamSchema([
    ParamSpec("temperature", DataType.double, 0.5),
    ParamSpec("top", DataType.long, 3),
    ParamSpec("name", DataType.string, "x"),
    ParamSpec("flag", DataType.boolean, False),
    ParamSpec("stops", DataType.string, ["a"], (-1,)),
])  # fmt: skip


def make(folder: Path) -> None:
    """Save one model of each kind of the comparison below `folder`, under its name."""
    numbers = [ColSpec(DataType.double, name) for name in "abc"]
    _sklearn(folder / "columns", Schema(numbers))
    _sklearn(folder / "longs", Schema([ColSpec(DataType.long, name) for name in "abc"]))
    _sklearn(folder / "bare", None)
    _sklearn(folder / "matrix", Schema([TensorSpec(np.dtype("float64"), (-1, 3))]))
    _sklearn(folder / "unnamed", Schema([ColSpec(DataType.double) for _ in "abc"]))
    _echo(folder / "mixed", Schema(MIXED))
    _echo(folder / "doubles", Schema(numbers))
    _echo(folder / "floats", Schema([ColSpec(DataType.float, name) for name in "ab"]))
    _echo(folder / "dates", Schema([ColSpec(DataType.datetime, "when"), ColSpec(DataType.binary, "blob")]))
    optional = [ColSpec(DataType.double, "a"), ColSpec(DataType.double, "b", required=False)]
    _echo(folder / "optional", Schema(optional))
    _echo(folder / "one", Schema([ColSpec(DataType.string, "text")]))
    _echo(folder / "tensor", Schema([TensorSpec(np.dtype("float32"), (-1, 3))]))
    named = [TensorSpec(np.dtype("int64"), (-1, 2), "ids"), TensorSpec(np.dtype("float32"), (-1,), "weights")]
    _echo(folder / "named", Schema(named))
    nested = Object([Property("x", DataType.double), Property("tags", Array(DataType.string), required=False)])
    _echo(folder / "nested", Schema([ColSpec(nested, "thing"), ColSpec(Array(DataType.long), "ids")]))
    _echo(folder / "params", Schema(numbers), PARAMS)
    _echo(folder / "anything", None)
    _pyfunc(folder / "results", "results.py", ModelSignature(Schema([ColSpec(DataType.string, "kind")])))
    _pyfunc(folder / "hinted", "hinted.py", None)


def _sklearn(folder: Path, schema: Schema | None) -> None:
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [0.0, 1.0, 0.0, 2.0], "b": [0.0, 0.0, 1.0, 3.0], "c": [1.0, 0.0, 0.0, 1.0]})
    has_names = schema is None or schema.has_input_names()
    model = LinearRegression().fit(frame if has_names else frame.to_numpy(), [1.0, 2.5, -3.0, 0.125])
    example = frame.iloc[:2] if folder.name == "columns" else None
    signature = schema and ModelSignature(schema, Schema([ColSpec(DataType.double)]))
    needs = {"pip_requirements": ["mlflow", "scikit-learn"], "input_example": example, "signature": signature}
    mlflow.sklearn.save_model(model, str(folder), **needs)


def make_estimators(folder: Path) -> None:
    """Save one model for each row of ESTIMATORS below `folder`, as `FAMILY.METHOD`."""
    from mlflow.models import infer_signature
    from sklearn import linear_model, naive_bayes, tree

    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(40, 4)), columns=list("abcd"))
    target = np.where(frame["a"] > frame["b"], 2, 5)
    for family, method in ESTIMATORS:
        kind = next(getattr(one, family) for one in (linear_model, naive_bayes, tree) if hasattr(one, family))
        needs = {"pyfunc_predict_fn": method, "signature": infer_signature(frame), "pip_requirements": ["mlflow"]}
        model = kind().fit(frame, target)
        mlflow.sklearn.save_model(
            model, str(folder / f"{family}.{method}"), serialization_format="cloudpickle", **needs
        )


def _echo(folder: Path, schema: Schema | None, params: ParamSchema | None = None) -> None:
    _pyfunc(folder, "echo.py", ModelSignature(schema, None, params) if schema or params else None)


def _pyfunc(folder: Path, code: str, signature: ModelSignature | None) -> None:
    more: dict[str, Any] = {} if signature is None else {"signature": signature}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(str(folder), python_model=str(CODE / code), pip_requirements=["mlflow"], **more)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    make_estimators(Path(sys.argv[1]))
