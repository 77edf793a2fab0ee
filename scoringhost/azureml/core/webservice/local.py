"""Services as processes of this machine."""

from __future__ import annotations

from scoringhost.azureml.core.webservice.local_configuration import LocalWebserviceDeploymentConfiguration
from scoringhost.azureml.core.webservice.webservice import Webservice


class LocalWebservice(Webservice):
    """A service as processes of this machine."""

    deploy_configuration = LocalWebserviceDeploymentConfiguration
