"""Services on Kubernetes."""

from __future__ import annotations

from scoringhost.azureml.core.webservice.aks_configuration import AksServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.aks_endpoint_configuration import AksEndpointDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice


class AksWebservice(Webservice):
    """A service on Kubernetes. Its configuration is checked; nothing is deployed to a cluster from here."""

    deploy_configuration = AksServiceDeploymentConfiguration


class AksEndpoint(AksWebservice):
    """A service of several versions on Kubernetes."""

    deploy_configuration = AksEndpointDeploymentConfiguration
