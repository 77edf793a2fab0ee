"""Profiles: a script under load on this machine, and what size of machine it needs."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.core import _config_file as files
from scoringhost.azureml.core._staging import Models, Staged, stage
from scoringhost.azureml.core.dataset import TabularDataset
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.exceptions import UserErrorException, WebserviceException
from scoringhost.client.load import Load, Tally, drive
from scoringhost.client.wire import Target
from scoringhost.errors import ScoringHostError
from scoringhost.packaging.models import LAYOUT
from scoringhost.profiling import run_steps
from scoringhost.profiling.process import LOCALHOST, ServiceFailed, free_port, serve_command, serving
from scoringhost.profiling.report import Step, percentile, recommend

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace

CLIENTS, STEP_S = (1, 2, 4), 2.0
CPU, MEMORY_GB = (0.1, 3.5), (0.1, 15.0)
DEFAULT_CPU, DEFAULT_MEMORY_GB = 3.5, 15.0


class Details(dict[str, Any]):
    """What was measured. `requestedMemoryInGb`, as examples of Azure's spell it, is the same as requestedMemoryInGB."""

    def __missing__(self, key: str) -> Any:
        other = key.replace("InGb", "InGB")
        if other in self:
            return self[other]
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: how it is called, with which requests, and the size that the user has in mind."""

    name: str
    bodies: list[bytes]
    cpu: float
    memory_gb: float
    description: str | None


class ModelProfile:
    """A profile of a workspace by its name: one that runs, or one that was made."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Find one.

        Raises:
            WebserviceException: if there is none.
        """
        self.workspace, self.name = workspace, name
        self._thread: threading.Thread | None = None
        self._details = files.read_object(_place(workspace, name))
        if not self._details:
            raise WebserviceException(f"ModelProfileNotFound: there is no profile {name!r} in this workspace")

    @classmethod
    def _begun(cls, workspace: Workspace, wanted: Wanted, work: Any) -> ModelProfile:
        made = object.__new__(cls)
        made.workspace, made.name = workspace, wanted.name
        made._details = {
            "name": wanted.name,
            "description": wanted.description,
            "state": "Running",
            "createdTime": datetime.datetime.now(datetime.UTC).isoformat(),
            "requestedCpu": wanted.cpu,
            "requestedMemoryInGB": wanted.memory_gb,
            "requestedQueriesPerSecond": 0,
            "error": None,
        }
        made._thread = threading.Thread(target=made._measure, args=(work,), name=f"profile-{wanted.name}", daemon=True)
        made._thread.start()
        return made

    def _measure(self, work: Any) -> None:
        try:
            found = {"state": "Succeeded", **work()}
        except ServiceFailed as problem:
            found = _failed(f"{problem}; its last lines:\n{problem.log_tail}")
        except (ScoringHostError, WebserviceException) as problem:
            found = _failed(str(getattr(problem, "message", problem)))
        self._details = {**self._details, **found}
        place = _place(self.workspace, self.name)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        files.write_object(place, self._details)

    @property
    def state(self) -> str:
        """Running, Succeeded or Failed."""
        return str(self._details["state"])

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Wait until it is measured, some seconds.

        Raises:
            WebserviceException: if it could not be; with the cause.
        """
        if self._thread is not None:
            self._thread.join()
        if self.state == "Failed":
            raise WebserviceException(f"the profile {self.name} has failed: {self._details['error']['message']}")
        if show_output:
            import sys

            sys.stdout.write(f"{self.name}: {self.state}\n")

    def get_details(self) -> dict[str, Any]:
        """What was measured: of single requests one after the other, and what machine is recommended."""
        return Details(self._details)

    def serialize(self) -> dict[str, Any]:
        """The same as a value of JSON."""
        return dict(self._details)


def _failed(why: str) -> dict[str, Any]:
    return {"state": "Failed", "error": {"message": why}}


def profile(workspace: Workspace, models: Models, config: InferenceConfig | None, wanted: Wanted) -> ModelProfile:
    """Begin to measure; the script is served on a free port of this machine meanwhile.

    Raises:
        WebserviceException, UserErrorException: if it cannot be served as it is described.
    """
    temporary = tempfile.TemporaryDirectory(prefix="scoringhost-")
    try:
        folder = Path(temporary.name) / "app"
        folder.mkdir()
        staged = stage(folder, models, config)
        for one in models.registered:
            one.download(folder / LAYOUT / one.name / str(one.version))
    except BaseException:
        temporary.cleanup()
        raise

    def work() -> dict[str, Any]:
        with temporary:
            return _measured(staged, _model_dir(staged, models), wanted.bodies)

    return ModelProfile._begun(workspace, wanted, work)


def _model_dir(staged: Staged, models: Models) -> str | None:
    if len(models.registered) == 1 and not models.paths:
        return str(staged.folder / LAYOUT / models.registered[0].name / str(models.registered[0].version))
    return str(staged.folder / LAYOUT) if models.registered or models.paths else None


def _measured(staged: Staged, model_dir: str | None, bodies: list[bytes]) -> dict[str, Any]:
    target = Target(LOCALHOST, free_port())
    command = serve_command(str(staged.folder / staged.script), target.port, 1, model_dir)
    environ = {**os.environ, "AML_APP_ROOT": str(staged.folder), **staged.environ}
    environ.pop("AZUREML_MODEL_DIR", None)

    async def measure() -> tuple[list[Step], Tally]:
        load = Load(bodies, seconds=STEP_S)
        steps = [step async for step in run_steps(target, load, CLIENTS, server.tree)]
        return steps, await drive(target, load, 1)

    with serving(command, target.port, environ) as server:
        steps, tally = asyncio.run(measure())
        server.require_alive()
    return _details(steps, tally)


def _details(steps: Sequence[Step], tally: Tally) -> dict[str, Any]:
    in_order = sorted(tally.latencies_s)
    if not in_order:
        raise WebserviceException(f"no request was answered with success: {tally.first_failure}")
    advised = recommend(steps)
    total = len(in_order) + tally.failed
    percentiles = {f"latencyPercentile{name}InMs": percentile(in_order, percent) * 1000 for name, percent in _PERCENTS}
    memory = [step.memory_mib for step in steps if step.memory_mib is not None]
    cores = [step.cpu_cores for step in steps if step.cpu_cores is not None]
    return {
        "totalQueries": total,
        "successQueries": len(in_order),
        "successRate": 100 * len(in_order) / total,
        "averageLatencyInMs": 1000 * sum(in_order) / len(in_order),
        **percentiles,
        "measuredQueriesPerSecond": total / tally.elapsed_s,
        "maxUtilizedMemoryInGB": max(memory) / 1024 if memory else None,
        "maxUtilizedCpu": max(cores) if cores else None,
        "recommendedCpu": advised.cpu if advised else None,
        "recommendedMemoryInGB": advised.memory_gib if advised else None,
    }


_PERCENTS = (("50", 50.0), ("90", 90.0), ("95", 95.0), ("99", 99.0), ("999", 99.9))


def wanted(
    name: object, dataset: object, cpu: float | None, memory_gb: float | None, description: str | None
) -> Wanted:
    """What is asked for, if it can be.

    Raises:
        UserErrorException: if the name, the requests or a size cannot be used.
    """
    if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
        raise UserErrorException(f"profile_name: a name is expected, not {name!r}")
    for what, value, (least, most) in (("cpu", cpu, CPU), ("memory_in_gb", memory_gb, MEMORY_GB)):
        if value is not None and not (isinstance(value, int | float) and least <= value <= most):
            raise UserErrorException(f"{what}: a number from {least} to {most} is expected, not {value!r}")
    bodies = _bodies(dataset)
    return Wanted(name, bodies, cpu or DEFAULT_CPU, memory_gb or DEFAULT_MEMORY_GB, description)


def _bodies(dataset: object) -> list[bytes]:
    """The requests: a dataset of one column of texts, a list of texts or values, or a file with one on each line."""
    rows: list[Any]
    if isinstance(dataset, TabularDataset):
        found = list(dataset.rows())
        if any(len(row) != 1 or not isinstance(row[0], str) for row in found):
            raise UserErrorException("input_dataset: one column of texts is expected, each a request")
        rows = [row[0] for row in found]
    elif isinstance(dataset, str | os.PathLike) and Path(dataset).is_file():
        rows = [line for line in Path(dataset).read_text(encoding="utf-8").splitlines() if line.strip()]
    elif isinstance(dataset, list | tuple):
        rows = list(dataset)
    else:
        raise UserErrorException(f"input_dataset: a dataset, a list of texts or a file is expected, not {dataset!r}")
    if not rows:
        raise UserErrorException("input_dataset: there is nothing in it")
    return [row.encode() if isinstance(row, str) else json.dumps(row).encode() for row in rows]


def _place(workspace: Workspace, name: str) -> Path:
    return workspace._folder / "profiles" / f"{name}.json"
