"""How a service is to run as a process of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scoringhost.azureml._checks import Problems
from scoringhost.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration


@dataclass
class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """What LocalWebservice.deploy_configuration makes. port: of all services of the workspace, on 127.0.0.1.

    It holds if nothing of the workspace runs yet; otherwise a warning says where the service answers.
    """

    port: int | None = None

    compute_type: ClassVar[str] = "Local"

    def _check(self, problems: Problems) -> None:
        port = self.port
        if port is None:
            return
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
            problems.add(f"port must be an integer in range [1, 65535], not {port!r}")
