"""Refusals of requests in MLflow's words, with its error codes."""

from __future__ import annotations

import json

from scoringhost.errors import ModelRefused

_SENT_BODY = "\nInput: \n"


def refused(message: str) -> ModelRefused:
    """A refusal of what cannot be read, as MLflow would say it."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import BAD_REQUEST

    refusal = refusal_of(MlflowException(message, error_code=BAD_REQUEST))
    assert refusal is not None
    return refusal


def refusal_of(problem: BaseException, before: str = "", without: str = "") -> ModelRefused | None:
    """MLflow's exception as the refusal of a request; None for any other, and for one that is not the caller's fault.

    before: what the message begins with. without: a part of the message that is left out, as the whole body is that
    some of MLflow's messages repeat.
    """
    status = getattr(problem, "get_http_status_code", None)
    if status is None or status() >= 500:
        return None
    said = json.loads(problem.serialize_as_json())  # type: ignore[attr-defined]
    details = {name: said[name] for name in ("sqlstate", "error_class") if name in said}
    message = before + said["message"].partition(_SENT_BODY)[0]
    if without:
        message = message.replace(without, "", 1)
    return ModelRefused(message, said["error_code"], details)
