"""Which services of a workspace are on a cluster, and that cluster.

A file of the workspace's folder for each of them says where it is: `clusters/NAME.json`. All else is in the cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scoringhost.azureml.exceptions import ComputeTargetException, WebserviceException
from scoringhost.errors import MissingExtra
from scoringhost.kubernetes import cluster_errors as errors

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace
    from scoringhost.kubernetes.cluster import Cluster

COMPUTE_TYPES = ("AKS", "AKSENDPOINT")
_FOLDER = "clusters"
SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is: the kube context and the namespace. compute_type: AKS or AKSENDPOINT."""

    context: str
    namespace: str
    compute_type: str


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what cannot be done on a cluster as what the SDK would raise."""
    try:
        yield
    except (errors.ContextNotFound, errors.KubeconfigUnusable) as problem:
        raise ComputeTargetException(f"ComputeTargetNotFound: {problem}", problem) from problem
    except errors.ServiceNotDeployed as problem:
        raise WebserviceException(f"WebserviceNotFound: {problem}", problem) from problem
    except errors.RolloutFailed as problem:
        raise _failure(problem) from problem
    except errors.RolloutUnfinished as problem:
        raise WebserviceException(
            f"Service deployment polling timed out: {problem}; see service.get_logs()", problem
        ) from problem
    except (errors.ClusterError, MissingExtra) as problem:
        raise WebserviceException(str(problem), problem) from problem


@contextlib.contextmanager
def cluster_at(context: str, namespace: str | None) -> Iterator[Cluster]:
    """The cluster of a kube context."""
    from scoringhost.kubernetes.cluster import open_cluster

    with translated():
        yield open_cluster(os.environ, context, namespace)


def require_free(cluster: Cluster, name: str, overwrite: bool) -> None:
    """Make sure that a service of that name may be deployed.

    Raises:
        WebserviceException: if there is one, and it must not be replaced.
    """
    from scoringhost.kubernetes import record as records

    with translated():
        found = records.read(cluster, name)
    if found is not None and not overwrite:
        raise WebserviceException(f"there is a service {name!r} already; overwrite=True replaces it")


def place_of(workspace: Workspace, name: str) -> Place | None:
    """Where a service is; None if it is on no cluster."""
    try:
        return Place(**json.loads(_file(workspace, name).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as problem:
        raise WebserviceException(f"{_file(workspace, name)} says no place of a service", problem) from problem


def names(workspace: Workspace) -> list[str]:
    """The services that are on clusters."""
    folder = Path(workspace._folder) / _FOLDER
    return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []


def remember(workspace: Workspace, name: str, place: Place) -> None:
    """Keep where a service is."""
    path = _file(workspace, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside it first: whoever reads meanwhile reads the old one or the new one.
    new = path.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(asdict(place)), "utf-8")
    new.replace(path)


def forget(workspace: Workspace, name: str) -> None:
    """It is on no cluster any more."""
    _file(workspace, name).unlink(missing_ok=True)


def _file(workspace: Workspace, name: str) -> Path:
    if not isinstance(name, str) or "/" in name or name.startswith("."):
        return Path(os.devnull, "no service")  # it cannot be the name of one
    return Path(workspace._folder) / _FOLDER / f"{name}.json"


def _failure(problem: errors.RolloutFailed) -> WebserviceException:
    seen = problem.seen
    going_on = "; what it was before serves on" if seen.others_available else ""
    lines = "\n".join(problem.log)
    shown = f"\nThe last lines of its log, see service.get_logs():\n{lines}" if lines else ""
    return WebserviceException(
        f"Service deployment has failed: {problem.name}{going_on}\nState: {seen.state}\n"
        f"Error: {seen.cause}: {seen.detail}{shown}",
        problem,
    )
