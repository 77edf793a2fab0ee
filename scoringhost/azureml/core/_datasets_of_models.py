"""The datasets and resources that a model names, as the registry keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scoringhost.azureml.core.dataset import FileDataset, TabularDataset, deserialize
from scoringhost.azureml.core.resource_configuration import ResourceConfiguration
from scoringhost.azureml.exceptions import WebserviceException
from scoringhost.hub.models import Details

INPUT, OUTPUT, ALL = "sampleInputDataset", "sampleOutputDataset", "datasets"
SAMPLE_ROWS = 5

ByScenario = dict[str, list[Any]]


def details(datasets: Sequence[tuple[str, Any]] | None, sample_in: Any, sample_out: Any) -> dict[str, Any]:
    """What is kept of the datasets that are given.

    Raises:
        WebserviceException: if one is no dataset, or has no scenario.
    """
    found: dict[str, Any] = {}
    if datasets is not None:
        found[ALL] = [_named(one) for one in datasets]
    for key, one in ((INPUT, sample_in), (OUTPUT, sample_out)):
        if one is not None:
            found[key] = _dataset(key, one).serialize()
    return found


def _named(given: Any) -> list[Any]:
    if not isinstance(given, list | tuple) or len(given) != 2 or not isinstance(given[0], str):
        raise WebserviceException(f"datasets: pairs of a scenario and a dataset are expected, not {given!r}")
    return [given[0], _dataset("datasets", given[1]).serialize()]


def _dataset(what: str, given: Any) -> Any:
    if not isinstance(given, TabularDataset | FileDataset):
        raise WebserviceException(f"{what}: a dataset is expected, such as Dataset.Tabular makes, not {given!r}")
    return given


def sample_rows(what: str, given: Any) -> list[list[Any]] | None:
    """The first rows of a sample, numbers as numbers; None of files.

    Raises:
        WebserviceException: if it is no dataset, or its file cannot be read.
    """
    if given is None or isinstance(_dataset(what, given), FileDataset):
        return None
    try:
        rows = given.take(SAMPLE_ROWS)
    except (OSError, ValueError) as problem:
        raise WebserviceException(f"{what}: {problem}", problem) from problem
    return [[_value(one) for one in row] for row in rows]


def _value(cell: Any) -> Any:
    try:
        found = json.loads(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell
    return found if isinstance(found, int | float) else cell


def datasets_of(known: Details) -> ByScenario:
    """The datasets of a model, by what they were used for."""
    found: ByScenario = {}
    for scenario, one in known.more.get(ALL, ()):
        found.setdefault(scenario, []).append(deserialize(one))
    return found


def sample_of(known: Details, key: str) -> Any:
    """One of the two samples; None if there is none."""
    return deserialize(known.more[key]) if key in known.more else None


def references(datasets: Mapping[str, Iterable[Any]]) -> list[dict[str, str]]:
    """As `serialize` of a model has them."""
    return [{"name": scenario, "id": one.id} for scenario, several in datasets.items() for one in several]


def ids(datasets: Mapping[str, Iterable[Any]]) -> set[str]:
    """Their ids."""
    return {one["id"] for one in references(datasets)}


def id_of(dataset: Any) -> str | None:
    """Its id; None of None."""
    return dataset.id if dataset is not None else None


def resources(what: str, given: Any) -> dict[str, float]:
    """As the registry has them.

    Raises:
        WebserviceException: if it is no resource configuration.
    """
    if given is None:
        return {}
    if not isinstance(given, ResourceConfiguration):
        raise WebserviceException(f"{what}: a ResourceConfiguration is expected, not {given!r}")
    named = {"cpu": given.cpu, "memory_gb": given.memory_in_gb, "gpu": given.gpu}
    return {key: value for key, value in named.items() if value is not None}


def resources_of(known: Details) -> ResourceConfiguration | None:
    """The reverse."""
    if not known.resources:
        return None
    gpu = known.resources.get("gpu")
    return ResourceConfiguration(
        known.resources.get("cpu"), known.resources.get("memory_gb"), int(gpu) if gpu is not None else None
    )
