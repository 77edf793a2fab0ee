"""Services as processes of this machine."""

from __future__ import annotations

from scoringhost.azureml.core.webservice.aci_configuration import AciServiceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice


class AciWebservice(Webservice):
    """A service as processes of this machine."""

    deploy_configuration = AciServiceDeploymentConfiguration
