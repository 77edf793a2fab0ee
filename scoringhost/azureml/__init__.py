"""Azure ML's SDK v1 on this machine: models, environments and services in a folder, without Docker or a cloud.

A script that imports azureml.core runs with `scoringhost.` before it. What is behind the names is the hub's.
"""

from __future__ import annotations

from scoringhost.azureml.core import Dataset, Environment, Model, Webservice, Workspace
from scoringhost.azureml.core.conda_dependencies import CondaDependencies
from scoringhost.azureml.core.inference_config import InferenceConfig
from scoringhost.azureml.core.resource_configuration import ResourceConfiguration
from scoringhost.azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice
from scoringhost.azureml.exceptions import (
    AzureMLException,
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
)

__all__ = [
    "AciWebservice",
    "AksWebservice",
    "AzureMLException",
    "CondaDependencies",
    "Dataset",
    "Environment",
    "InferenceConfig",
    "LocalWebservice",
    "Model",
    "ModelNotFoundException",
    "ResourceConfiguration",
    "UserErrorException",
    "Webservice",
    "WebserviceException",
    "Workspace",
]
