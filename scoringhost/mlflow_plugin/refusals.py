"""Errors of the hub and of its services, as MLflow's exceptions."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from scoringhost.hub import errors
from scoringhost.mlflow_plugin.calling import Refused, Unreachable

LAST_LINES = 10
"""Of the log, in the message of a deployment that could not be started; the hub keeps the rest."""

CODES: dict[str, int] = {
    "service_exists": codes.RESOURCE_ALREADY_EXISTS,
    "version_exists": codes.RESOURCE_ALREADY_EXISTS,
    "change_under_way": codes.RESOURCE_CONFLICT,
    "service_not_found": codes.RESOURCE_DOES_NOT_EXIST,
    "model_not_found": codes.RESOURCE_DOES_NOT_EXIST,
    "name_refused": codes.INVALID_PARAMETER_VALUE,
    "value_refused": codes.INVALID_PARAMETER_VALUE,
    "deployment_refused": codes.INVALID_PARAMETER_VALUE,
    "not_allowed": codes.PERMISSION_DENIED,
}
"""Of what the hub says, by its word for programs; everything else is an internal error."""
OF_STATUS: dict[int, int] = {
    400: codes.BAD_REQUEST,
    401: codes.UNAUTHENTICATED,
    403: codes.PERMISSION_DENIED,
    404: codes.ENDPOINT_NOT_FOUND,
    413: codes.BAD_REQUEST,
    415: codes.BAD_REQUEST,
    422: codes.BAD_REQUEST,
    429: codes.REQUEST_LIMIT_EXCEEDED,
    503: codes.TEMPORARILY_UNAVAILABLE,
    504: codes.DEADLINE_EXCEEDED,
}
"""Of what a service answers, by its status, unless its answer has a code of MLflow's own."""


@contextlib.contextmanager
def as_mlflow() -> Iterator[None]:
    """Raise what the hub and its services say as an MlflowException, the culprit in its first line."""
    try:
        yield
    except errors.DeploymentFailed as error:
        raise MlflowException(_failed(error), codes.INVALID_PARAMETER_VALUE) from None
    except errors.HubNotRunning as error:
        raise MlflowException(str(error), codes.TEMPORARILY_UNAVAILABLE) from None
    except errors.HubAnswered as error:
        raise MlflowException(_worded(error), CODES.get(error.code, codes.INTERNAL_ERROR)) from None
    except (errors.ValueRefused, errors.NameRefused, errors.DeploymentRefused) as error:
        raise MlflowException(str(error), codes.INVALID_PARAMETER_VALUE) from None
    except errors.HubError as error:
        raise MlflowException(str(error), codes.INTERNAL_ERROR) from None
    except Refused as error:
        raise _of_service(error) from None
    except Unreachable as error:
        raise MlflowException(str(error), codes.TEMPORARILY_UNAVAILABLE) from None


def absent(text: str) -> MlflowException:
    """What there is not."""
    return MlflowException(text, codes.RESOURCE_DOES_NOT_EXIST)


def invalid(text: str) -> MlflowException:
    """What cannot be."""
    return MlflowException(text, codes.INVALID_PARAMETER_VALUE)


def _failed(error: errors.DeploymentFailed) -> str:
    # Imported here, as it brings much of the fleet along, and every command of MLflow's would wait for that.
    from scoringhost.fleet.version_life import headline_with_exception

    lines = error.log[-LAST_LINES:]
    text = f"{error.name}:{error.version} could not be started: {headline_with_exception(error.reason)}"
    if lines:
        text += "\nThe last lines of its log:\n" + "\n".join(f"  | {line}" for line in lines)
    return text


def _worded(error: errors.HubAnswered) -> str:
    """What the hub says, with the setting that is wrong as it is called in a config."""
    text = str(error)
    if error.field.startswith("settings."):
        text = text.removeprefix("settings.").replace("is '", "did you mean '").replace("' meant?", "'?")
    return text


def _of_service(error: Refused) -> MlflowException:
    """What a service has answered; MLflow's own code and words, if they are in it."""
    code = OF_STATUS.get(error.status, codes.INTERNAL_ERROR)
    said: Any = None
    with contextlib.suppress(ValueError):
        said = json.loads(error.body)
    if not isinstance(said, dict):
        return MlflowException(error.text, code)
    with contextlib.suppress(ValueError, TypeError):
        code = codes.ErrorCode.Value(said.get("error_code"))
    return MlflowException(str(said.get("message") or said.get("error") or error.text), code)
