"""From an answer of the API server that is no success to an error that says what is meant.

The answers are objects of kind Status: `reason`, `message`, and `details.causes` with the fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.kinds import Ref

_MANAGER = re.compile(r'conflict with "(?P<name>[^"]*)"')
_NO_SUCH_NAMESPACE = re.compile(r'namespaces "[^"]*" not found')
_ADMISSION = re.compile(r"admission webhook|denied the request|violates PodSecurity|ValidatingAdmissionPolicy")
_WITHHELD = "the API server's words about a Secret are not shown, as they may have its values in them"


def refusal(status: int, body: str, ref: Ref, verb: str, namespace: str) -> errors.ClusterError:
    """The error for an answer. verb: what was asked for, as Kubernetes says it (get, list, patch, delete, ...)."""
    said = _status_of(body)
    what = str(ref)
    message = str(said.get("message") or body.strip()[:500] or f"HTTP {status}")
    causes = list((said.get("details") or {}).get("causes") or ())
    if ref.kind == "Secret" and status in (400, 422, 500):
        # A refused value is quoted in the message, and in the causes.
        message, causes = _WITHHELD, [{**one, "message": _WITHHELD} for one in causes]
    if _NO_SUCH_NAMESPACE.search(message):
        return errors.NamespaceNotFound(namespace)
    if status == 404:
        return errors.KindNotServed(what, ref.api_version)
    if status == 409 and any(one.get("reason") == "FieldManagerConflict" for one in causes):
        return errors.FieldsTaken(what, [_taken(one) for one in causes])
    if status == 409:
        return errors.ChangedMeanwhile(what)
    if status == 403:
        return _forbidden(what, verb, message)
    if status in (400, 422):
        return _invalid(what, causes, message)
    return errors.ClusterBroken(what, f"the API server answered {status}: {message}")


def _status_of(body: str) -> Mapping[str, Any]:
    """The Status of an answer. Proxies in front of an API server answer with pages of HTML, and some with nothing."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _forbidden(what: str, verb: str, message: str) -> errors.ClusterError:
    """403 is said by four who mean different things; there is nothing but the message to tell them apart."""
    if "exceeded quota" in message or "failed quota" in message:
        return errors.QuotaExceeded(what, message)
    if _ADMISSION.search(message):
        return errors.AdmissionRefused(what, message)
    return errors.NotPermitted(what, verb, message)


def _invalid(what: str, causes: list[dict[str, Any]], message: str) -> errors.ClusterError:
    if _ADMISSION.search(message):
        return errors.AdmissionRefused(what, message)
    named = [one for one in causes if one.get("field")]
    problems = [errors.FieldProblem(str(one["field"]), str(one.get("message", ""))) for one in named]
    return errors.ManifestRefused(what, problems, message)


def _taken(cause: Mapping[str, Any]) -> errors.TakenField:
    found = _MANAGER.search(str(cause.get("message", "")))
    manager = found["name"] if found else "somebody else"
    return errors.TakenField(str(cause.get("field", "")).lstrip("."), manager)
