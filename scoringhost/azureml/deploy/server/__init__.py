"""The client of the MLServer class, and what its methods return."""

from __future__ import annotations

from scoringhost.azureml.deploy.server.mlserver import MLServer
from scoringhost.azureml.deploy.server.service import Batch, BatchResponse, Service, ServiceResponse

__all__ = ["Batch", "BatchResponse", "MLServer", "Service", "ServiceResponse"]
