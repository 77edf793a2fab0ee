"""The names of azureml.core. What reads tables or runs services is imported when it is used."""

from __future__ import annotations

from scoringhost.azureml.core.compute import ComputeTarget
from scoringhost.azureml.core.container_registry import ContainerRegistry
from scoringhost.azureml.core.dataset import Dataset
from scoringhost.azureml.core.datastore import Datastore
from scoringhost.azureml.core.environment import Environment
from scoringhost.azureml.core.model import Model
from scoringhost.azureml.core.webservice import Webservice
from scoringhost.azureml.core.workspace import Workspace

VERSION = "1.61.0"
"""Of azureml-core, whose calls these are."""

__all__ = [
    "VERSION",
    "ComputeTarget",
    "ContainerRegistry",
    "Dataset",
    "Datastore",
    "Environment",
    "Model",
    "Webservice",
    "Workspace",
]
