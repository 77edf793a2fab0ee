"""Folders that `save_pretrained()` of transformers has written, as pipelines by their task."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scoringhost.errors import InvalidParameter, ScriptUnservable
from scoringhost.process.cpu_budget import library_threads
from scoringhost.runtimes.made import entry_script, require
from scoringhost.runtimes.model_schemas import ROWS, NamedOutputs, body_schema, schemas_of
from scoringhost.runtimes.numpy_inputs import Column, ModelInput, table, texts
from scoringhost.schema import json_text
from scoringhost.schema.declared import DeclaredType, JsonValue, shortened
from scoringhost.schema.tensor_metadata import JSON, TEXT, Array, TensorMetadata, Tensors
from scoringhost.script.loading import EntryScript
from scoringhost.script.signature import REQUIRED, Declarations, DeclaredInput, Parameter

TASKS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "Model": "feature-extraction",
}
"""The task of an architecture, by how its name ends; the first that fits counts."""
LABELLED = "text-classification"
ANSWERING = "question-answering"


def load(path: Path) -> EntryScript:
    """The service of a model: a list of texts in, what the pipeline says of each out.

    The weights are read in init(), after the fork of the workers.

    Raises:
        MissingExtra: if transformers or torch is not installed.
        ScriptUnservable: if config.json names no architecture whose task is known.
    """
    transformers = require("transformers", "transformers")
    require("torch", "transformers")
    task = _task_of(path)
    takes = _takes(task)
    pipeline = Pipeline(path, task, transformers)
    data = DeclaredInput(takes.type)
    options = {"type": ["object", "null"], "description": "Arguments of the pipeline, as top_k."}
    body = body_schema({"data": takes.schema, "parameters": options}, ["data"], {"data": takes.sample})
    declarations = Declarations(
        pipeline.run,
        {"data": data},
        True,
        schemas_of(body, ROWS),
        _outputs(task),
        row_lists=frozenset({"data"}),
        parameters=(Parameter("data", REQUIRED, data), Parameter("parameters", None, None), _CHOICE),
        aliases={"inputs": "data", "input_data": "data"},
        chooses_outputs=_CHOICE.name,
    )
    return entry_script(path, pipeline.run, declarations, pipeline.init)


_CHOICE = Parameter("outputs", None, None)


def _task_of(path: Path) -> str:
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        named = config["architectures"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        expected = "config.json of transformers, with its `architectures`, was expected"
        raise ScriptUnservable(str(path), f"{expected}: {type(problem).__name__}: {problem}") from problem
    for architecture in named or ():
        for ending, task in TASKS.items():
            if str(architecture).endswith(ending):
                return task
    known = ", ".join(f"...{ending}" for ending in TASKS)
    raise ScriptUnservable(str(path), f"its architectures are {named}, and those that can be served are {known}")


class Pipeline:
    """The pipeline of one model."""

    def __init__(self, path: Path, task: str, transformers: Any) -> None:
        self._path, self._task, self._transformers = path, task, transformers
        self._pipeline: Any = None

    def init(self) -> None:
        """Read the weights. On a GPU if PyTorch has one."""
        torch = require("torch", "transformers")
        torch.set_num_threads(library_threads(os.environ))
        device = 0 if torch.cuda.is_available() else -1
        self._pipeline = self._transformers.pipeline(self._task, model=os.fspath(self._path), device=device)

    def run(self, data: Any, parameters: object = None, outputs: object = None) -> Any:
        """Run the pipeline on each text."""
        del outputs  # of the few that there are, those that were asked for are picked afterwards
        if parameters is not None and not isinstance(parameters, dict):
            raise InvalidParameter("parameters", "an object", shortened(repr(parameters)))
        rows = data if isinstance(data, list) else data.to_dict("records")
        try:
            found = self._pipeline(rows, **(parameters or {}))
        except TypeError as error:
            if not parameters:
                raise
            raise InvalidParameter("parameters", "arguments of the pipeline", shortened(str(error))) from error
        return found if isinstance(found, list) else [found]


class Texts:
    """A list of texts; a single text is a list of one, as with Hugging Face's own API."""

    rows_are_objects: bool | None = None
    text_columns: frozenset[str] = frozenset()

    def __init__(self, array: DeclaredType) -> None:
        self._array = array

    def to_python(self, value: JsonValue) -> object:
        """The texts.

        Raises:
            Misfit: if an item is none.
        """
        return self._listed(self._array.to_python([value] if isinstance(value, str) else value))

    def tensors(self) -> tuple[TensorMetadata, ...]:
        """One of BYTES."""
        return tuple(TensorMetadata("", one.datatype, one.shape, TEXT) for one in self._array.tensors())

    def from_tensors(self, tensors: Tensors) -> object:
        """The texts of the tensor.

        Raises:
            Misfit: if it has another shape, or holds no UTF-8.
        """
        # MLServer's clients send a list of texts as (n, 1).
        flat = {name: array.reshape(-1) if array.shape[1:] == (1,) else array for name, array in tensors.items()}
        return self._listed(self._array.from_tensors(flat))

    def to_tensors(self, value: object) -> dict[str, Array]:
        """The tensor of a list of texts.

        Raises:
            Misfit: if it is none.
        """
        return self._array.to_tensors(value)

    def _listed(self, array: Any) -> list[str]:
        return [str(text) for text in array]


def _takes(task: str) -> ModelInput:
    if task == ANSWERING:
        return table([Column("question", "object", "Who asks?"), Column("context", "object", "Somebody asks.")])
    found = texts()
    sample = ["Paris is the [MASK] of France."] if task == "fill-mask" else ["a text"]
    one_or_more = {"anyOf": [found.schema, {"type": "string"}]}
    return ModelInput(Texts(found.type), one_or_more, sample)


@dataclass(frozen=True)
class Labels(NamedOutputs):
    """The best label of each text and its score; of several labels for a text the first, which is the best."""

    def to_tensors(self, output: object) -> dict[str, Array]:
        """Two arrays, one element for each text."""
        best = [one[0] if isinstance(one, list) else one for one in _rows(output)]
        labels = np.array([one["label"] for one in best], dtype=object)
        return {"label": labels, "score": np.array([one["score"] for one in best], dtype=np.float32)}


@dataclass(frozen=True)
class JsonTexts(NamedOutputs):
    """What the pipeline says of each text, as JSON."""

    def to_tensors(self, output: object) -> dict[str, Array]:
        """An array of JSON texts."""
        rows = [json_text.dumps(one).decode() for one in _rows(output)]
        return {self.usual: np.array([*rows, None], dtype=object)[:-1]}


def _rows(output: object) -> Sequence[Any]:
    return output if isinstance(output, list) else [output]


def _outputs(task: str) -> NamedOutputs:
    if task == LABELLED:
        label = TensorMetadata("label", "BYTES", (-1,), TEXT)
        return Labels(ROWS, (label, TensorMetadata("score", "FP32", (-1,))), "label")
    return JsonTexts(ROWS, (TensorMetadata("output", "BYTES", (-1,), JSON),), "output")
