"""Clusters, as names: `Model.deploy` is told of one, and nothing is made or asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoringhost.azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from scoringhost.azureml.core.workspace import Workspace


class ComputeTarget:
    """A cluster by its name: for AksCompute the context of kubectl that leads to it."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Raises ComputeTargetException if the name is none, or the class is only what all of them have in common."""
        if type(self) is ComputeTarget:
            raise ComputeTargetException(
                f"ComputeTargetNotFound: there is no compute target {name!r}; say AksCompute(...)"
            )
        if not isinstance(name, str) or not name:
            raise ComputeTargetException(f"{name!r} is no name for a compute target")
        self.workspace, self.name = workspace, name
        self.type = type(self).__name__.removesuffix("Compute").upper()


class AksCompute(ComputeTarget):
    """A Kubernetes cluster."""


class AmlCompute(ComputeTarget):
    """A cluster for training, of which there are none here.

    Raises:
        ComputeTargetException: always.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        raise ComputeTargetException(
            f"ComputeTargetNotFound: {name!r}; nothing is trained here, and there are no clusters"
        )
