"""Services by name and version on a server of the MLServer class: published, called, changed and removed.

`DeployClient(host, auth=(name, password), use=MLServer)` is what Microsoft's `azureml.deploy` has under that name.
"""

from __future__ import annotations

from scoringhost.azureml.deploy._realtime import rx_serialize_model
from scoringhost.azureml.deploy.deploy_client import DeployClient
from scoringhost.azureml.deploy.operationalization import Operationalization, ServiceDefinition

__all__ = ["DeployClient", "Operationalization", "ServiceDefinition", "rx_serialize_model"]
