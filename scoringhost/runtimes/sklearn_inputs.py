"""What a scikit-learn model takes, as far as it has kept that: names, width, categories, kinds of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scoringhost.runtimes.numpy_inputs import Column, ModelInput, anything, rows_of_numbers, table, texts

_TEXT_STEPS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_MOST_DEPTH = 10


def input_of(model: Any) -> ModelInput:
    """The input of a model: a table if it was trained with named columns, rows of numbers, texts, or anything."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        known = dict(_columns_of(model, list(map(str, names))))
        fallback = None if _has_steps(model) else "float64"
        return table([known.get(str(name)) or Column(str(name), fallback) for name in names])
    if type(_first_step(model)).__name__ in _TEXT_STEPS:
        return texts()
    width = getattr(model, "n_features_in_", None)
    if width is None:
        return anything()
    columns = dict(_columns_of(model, [str(at) for at in range(int(width))]))
    if any(column.dtype == "object" for column in columns.values()):
        return anything()  # a row has texts among its numbers, which no array of one dtype holds
    return rows_of_numbers(int(width))


def _has_steps(model: Any) -> bool:
    """Whether something stands before the estimator that may take what is no number."""
    return hasattr(model, "steps") or hasattr(model, "transformers_")


def _first_step(model: Any) -> Any:
    for _ in range(_MOST_DEPTH):
        steps = getattr(model, "steps", None)
        inner = steps[0][1] if steps else getattr(model, "best_estimator_", None)
        if inner is None:
            return model
        model = inner
    return model


def _columns_of(step: Any, names: Sequence[str], depth: int = 0) -> Iterator[tuple[str, Column]]:
    """What a step says of the columns that it is given; nothing of those that it says nothing of."""
    if depth > _MOST_DEPTH or step == "drop":
        return
    inner = getattr(step, "best_estimator_", None)
    if inner is not None:
        yield from _columns_of(inner, names, depth + 1)
    elif getattr(step, "steps", None):
        yield from _columns_of_pipeline(step, names, depth)
    elif hasattr(step, "transformers_"):
        for _, part, chosen in step.transformers_:
            yield from _columns_of(part, _names_of(chosen, names), depth + 1)
    else:
        yield from _columns_of_one(step, names)


def _columns_of_one(step: Any, names: Sequence[str]) -> Iterator[tuple[str, Column]]:
    """What a step says that has no others in it: the columns of one that may do anything have no dtype."""
    if hasattr(step, "categories_"):
        yield from ((name, _of_categories(name, known)) for name, known in zip(names, step.categories_, strict=False))
    elif type(step).__name__ in _TEXT_STEPS:
        yield from ((name, Column(name, "object", "a text")) for name in names)
    elif _takes_texts(step):
        yield from ((name, Column(name, "object", _first_text(step, at))) for at, name in enumerate(names))
    elif step != "passthrough" and type(step).__name__ != "FunctionTransformer":
        yield from ((name, Column(name)) for name in names)


def _columns_of_pipeline(pipeline: Any, names: Sequence[str], depth: int) -> Iterator[tuple[str, Column]]:
    """What the first step that says anything says: imputers keep columns as they are."""
    for _, step in pipeline.steps:
        if step is None or step == "passthrough":
            continue
        yield from _columns_of(step, names, depth + 1)
        return


def _names_of(chosen: Any, names: Sequence[str]) -> list[str]:
    """The names of the columns that a ColumnTransformer has chosen: names, positions, a slice, truths."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):  # both ends belong to it, as in pandas
            start = names.index(chosen.start) if chosen.start else 0
            return list(names[start : names.index(chosen.stop) + 1 if chosen.stop else None])
        return list(names[chosen])
    picked = np.atleast_1d(np.asarray(chosen))
    if picked.dtype == bool:
        return [name for name, is_picked in zip(names, picked, strict=True) if is_picked]
    return [names[at] if isinstance(at, int) else str(at) for at in picked.tolist()]


def _of_categories(name: str, known: Any) -> Column:
    values = [value for value in np.asarray(known).tolist() if value is not None and value == value]
    if not values:
        return Column(name, None, None)
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return Column(name, "object", values[0])
    return Column(name, {frozenset({int}): "int64", frozenset({bool}): "bool"}.get(frozenset(kinds)), values[0])


def _takes_texts(step: Any) -> bool:
    """Whether an imputer has filled texts in."""
    statistics = getattr(step, "statistics_", None)
    return statistics is not None and np.asarray(statistics).dtype.kind in "OU"


def _first_text(step: Any, at: int) -> str:
    statistics = np.asarray(step.statistics_)
    return str(statistics[at]) if at < len(statistics) else "a text"
