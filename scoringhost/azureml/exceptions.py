"""What goes wrong, under the names of azureml.exceptions.

AzureMLException
├── WebserviceException          of models, configurations and services
├── UserErrorException           of what the caller has given
├── ModelNotFoundException       of Model.get_model_path()
├── ModelPathNotFoundException   of a path that is not there
├── WorkspaceException           of a workspace
├── ProjectSystemException       of a configuration file
├── ComputeTargetException       of a cluster
└── RunEnvironmentException      of a run, of which there are none here
"""

from __future__ import annotations

import json
from typing import Any


class AzureMLException(Exception):
    """Something cannot be done. `message`: why; `inner_exception`: what was the cause, if that was another error."""

    _code: str | None = None

    def __init__(self, exception_message: str, inner_exception: BaseException | None = None, **_: Any) -> None:
        """`exception_message`: why, in words; other keywords are taken, as scripts hand them over."""
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception

    def __str__(self) -> str:
        # Several lines, the form that scripts know from the SDK, as some search the text for them.
        error: dict[str, str] = {} if self._code is None else {"code": self._code}
        response = json.dumps({"error": {**error, "message": self.message}}, indent=4)
        name = next(one.__name__ for one in type(self).__mro__ if not one.__name__.startswith("_"))
        return (
            f"{name}:\n\tMessage: {self.message}\n\tInnerException {self.inner_exception}\n\tErrorResponse \n{response}"
        )

    def __repr__(self) -> str:
        return str(self)


class WebserviceException(AzureMLException):
    """A model, a configuration or a service cannot be what it was asked to be."""


class UserErrorException(AzureMLException):
    """Something that the caller has given cannot be used."""

    _code = "UserError"


class ModelNotFoundException(AzureMLException):
    """There is no such model."""


class ModelPathNotFoundException(AzureMLException):
    """There is nothing at the path of a model."""


class WorkspaceException(AzureMLException):
    """A workspace cannot be made or opened."""


class ProjectSystemException(AzureMLException):
    """A configuration file cannot be written or read."""


class ComputeTargetException(AzureMLException):
    """There is no such cluster."""


class RunEnvironmentException(AzureMLException):
    """There is no run."""


# The SDK raises now the one, now the other for the same thing, in different versions and calls. These are both, so that
# a script that catches either goes on.


class _ModelMissing(WebserviceException, ModelNotFoundException):
    """There is no such model."""


class _PathMissing(WebserviceException, ModelPathNotFoundException, FileNotFoundError):
    """There is nothing at the path of a model. The SDK 1.61 raises a FileNotFoundError, those before it the other."""
