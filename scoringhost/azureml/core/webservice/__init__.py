"""Services and their configurations, under the names of azureml.core.webservice."""

from __future__ import annotations

from scoringhost.azureml.core.webservice.aci import AciWebservice
from scoringhost.azureml.core.webservice.aks import AksWebservice
from scoringhost.azureml.core.webservice.aks_endpoint import AksEndpoint
from scoringhost.azureml.core.webservice.local import LocalWebservice
from scoringhost.azureml.core.webservice.webservice import Webservice

__all__ = ["AciWebservice", "AksEndpoint", "AksWebservice", "LocalWebservice", "Webservice"]
