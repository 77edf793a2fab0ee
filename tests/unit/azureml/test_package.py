"""One rule ports a script: `scoringhost.` before azureml."""

import importlib
from typing import Any

import pytest

import scoringhost.azureml

NAMES = {
    "core": ("Workspace", "Model", "Environment", "Webservice", "Dataset", "Datastore", "ComputeTarget",
             "ContainerRegistry"),
    "core.model": ("Model", "InferenceConfig"),
    "core.webservice": ("Webservice", "LocalWebservice", "AciWebservice", "AksWebservice", "AksEndpoint"),
    "core.environment": ("Environment", "CondaDependencies", "DockerSection", "PythonSection"),
    "core.conda_dependencies": ("CondaDependencies",),
    "core.resource_configuration": ("ResourceConfiguration",),
    "core.compute": ("ComputeTarget", "AksCompute", "AmlCompute"),
    "core.dataset": ("Dataset",),
    "core.workspace": ("Workspace",),
    "data.dataset_type_definitions": ("PromoteHeadersBehavior", "FileEncoding", "SkipLinesBehavior"),
    "common": ("HttpClient", "Configuration"),
    "common.http_client": ("HttpClient", "HttpException"),
    "common.configuration": ("Configuration",),
    "deploy": ("DeployClient", "Operationalization", "ServiceDefinition"),
    "deploy.deploy_client": ("DeployClient",),
    "deploy.operationalization": ("Operationalization", "ServiceDefinition", "RealtimeDefinition"),
    "deploy.server": ("MLServer", "Service", "ServiceResponse", "Batch", "BatchResponse"),
    "deploy.server.mlserver": ("MLServer",),
    "deploy.server.service": ("Service", "ServiceResponse", "Batch", "BatchResponse"),
    "exceptions": ("AzureMLException", "WebserviceException", "UserErrorException", "ModelNotFoundException"),
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in NAMES.items() for name in names])
def test_the_names_are_where_the_sdk_has_them(module: str, name: str):
    assert hasattr(importlib.import_module(f"scoringhost.azureml.{module}"), name)


def test_what_is_exported_is_there():
    assert all(hasattr(scoringhost.azureml, name) for name in scoringhost.azureml.__all__)


def test_importing_it_imports_nothing_that_takes_long(python: Any):
    heavy = ("numpy", "pandas", "yaml", "pydantic", "gunicorn", "uvicorn", "click", "grpc", "prometheus_client")
    answer = python(f"import sys, scoringhost.azureml; print([name for name in {heavy} if name in sys.modules])")
    assert answer.strip() == "[]"
