"""The error tree of scoringhost.

    ScoringHostError
    ├── StartupError                 nothing is served; the process ends with exit code 3
    │   ├── SettingsError            a setting has a value that cannot be used
    │   ├── ScriptNotFound           there is no such entry script
    │   ├── ScriptImportFailed       importing the entry script raised
    │   ├── ScriptUnservable         no init() or run(), or a run() that cannot be called
    │   ├── InitFailed               init() raised
    │   ├── PortInUse                somebody else listens there
    │   └── MissingExtra             an optional package is not installed
    ├── CallError                    the caller's fault; run() was not entered
    │   ├── Unauthorized             no key or token, or not a good one
    │   ├── Forbidden                a good token that lacks a scope or role
    │   ├── TooManyRequests          this caller has asked too often
    │   ├── UndecodableBody          not UTF-8, not JSON, not an object, broken gzip
    │   ├── UnsupportedContentType   a media type that this run() does not take
    │   ├── UnsupportedContentEncoding
    │   ├── MissingParameter         run() needs a parameter that was not given
    │   ├── InvalidParameter         a parameter does not fit its declared type
    │   ├── UnknownParameter         a key of the body that run() does not take, where that is refused
    │   ├── InvalidTensor            a tensor does not fit what the model declares, or not itself
    │   ├── MissingTensor            an input of the model was not given
    │   ├── UnknownTensor            an input or output that the model does not have
    │   ├── NotInferable             the service takes no tensors
    │   ├── RuntimeRefused           a runtime itself answered with an error of its choice
    │   ├── FixedModel               a model that can neither be loaded nor unloaded by a request
    │   ├── BodyTooLarge
    │   ├── LengthRequired           a body without its length, which this door cannot read
    │   ├── HeadersTooLarge
    │   ├── MalformedRequest         not HTTP that can be understood
    │   ├── UnsupportedVersion       HTTP of a version that is not served here
    │   ├── UnsupportedTransferCoding
    │   ├── RequestTooSlow           its head took too long, or its body came too slowly
    │   ├── IncompleteBody           the caller went away in the middle of the body
    │   ├── InvalidHeader            a header that the host reads has a value that it cannot use
    │   ├── UnknownRoute
    │   ├── UnknownDocument          no API document of that version
    │   ├── MethodNotAllowed
    │   ├── ScriptRefused            run() itself answered with an error of its choice
    │   ├── ModelRefused             MLflow says that the model does not take it
    │   ├── UnknownService           no service of that name and version
    │   ├── NotLoaded                a service that is there, and was unloaded or not loaded yet
    │   ├── InvalidTraffic           shares of a service's requests that cannot be had
    │   └── UnknownJob               no job of that id
    ├── RunError                     the entry script's fault
    │   ├── RunFailed                run() raised
    │   ├── ResultNotEncodable       run() returned what JSON cannot hold
    │   ├── ResultMisfit             a typed run() returned something else than its annotation says
    │   ├── RuntimeFailed            a runtime answered with an error of its choice, and a status of 500 or more
    │   ├── LoadFailed               a service that was to be loaded cannot be
    │   └── DeadlineExceeded         run() took longer than it may
    ├── Unavailable                  try again, here or elsewhere
    │   ├── NotReady                 loading, draining or closed
    │   ├── Overloaded               too many calls are waiting, or for too long
    │   └── ServiceUnavailable       a service of a fleet has no replica that takes calls
    ├── ReplicaError                 a replica of a service did not answer as it should
    │   ├── ReplicaLost              it ended, or closed the connection, in the middle
    │   └── ReplicaUnintelligible    what it sent is no answer of HTTP
    ├── CallerTimedOut               the answer would come later than the caller waits for it
    └── InternalError                our own fault: a defect of scoringhost

No class knows a status code: every protocol owns a table, and a test proves each table complete.
What keeps a service from starting is in `startup`, all else is here; every name is this package's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scoringhost.errors.base import ScoringHostError as ScoringHostError
from scoringhost.errors.startup import InitFailed as InitFailed
from scoringhost.errors.startup import MissingExtra as MissingExtra
from scoringhost.errors.startup import PortInUse as PortInUse
from scoringhost.errors.startup import ScriptImportFailed as ScriptImportFailed
from scoringhost.errors.startup import ScriptNotFound as ScriptNotFound
from scoringhost.errors.startup import ScriptUnservable as ScriptUnservable
from scoringhost.errors.startup import SettingsError as SettingsError
from scoringhost.errors.startup import StartupError as StartupError
from scoringhost.errors.startup import pip_install as pip_install


class CallError(ScoringHostError):
    """The request is at fault; the message says what was expected and what came."""


class Unauthorized(CallError):
    """Nobody has said who is calling, or it is not believed. `error`: a code of RFC 6750, 3.1; else empty."""

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error


class Forbidden(CallError):
    """It is known who is calling, and that is not enough. `scope` is what was asked for, as RFC 6750 spells it."""

    def __init__(self, message: str, scope: str = "") -> None:
        super().__init__(message)
        self.scope = scope


class TooManyRequests(CallError):
    """The caller has asked more often than it may; `retry_after_s` says when it may again."""

    def __init__(self, count: int, seconds: float, retry_after_s: int) -> None:
        super().__init__(f"More than {count} requests in {seconds:g} s; try again in {retry_after_s} s")
        self.count, self.seconds, self.retry_after_s = count, seconds, retry_after_s


class UndecodableBody(CallError):
    """The body is not what this run() can be given."""


class UnsupportedContentType(CallError):
    """The media type of the body is not one that this run() takes."""

    def __init__(self, got: str | None, expected: str = "Expects Content-Type to be application/json") -> None:
        super().__init__(f"{expected}, not {repr(got) if got else 'nothing'}")
        self.got = got


class UnsupportedContentEncoding(CallError):
    """The body is packed in a way that the host cannot unpack."""

    def __init__(self, got: str) -> None:
        super().__init__(f"Content-Encoding {got!r} is not supported; use gzip or identity")
        self.got = got


class MissingParameter(CallError):
    """The request leaves out a parameter that run() needs."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"A value is not provided for the {name!r} parameter; run() takes {', '.join(known)}")
        self.name, self.known = name, tuple(known)


class InvalidParameter(CallError):
    """A parameter does not fit its declared type."""

    def __init__(self, name: str, expected: str, got: str) -> None:
        super().__init__(f"parameter {name!r}: expected {expected}, got {got}")
        self.name, self.expected, self.got = name, expected, got


class UnknownParameter(CallError):
    """The body has a key that is no parameter of run()."""

    def __init__(self, name: str, known: Sequence[str], meant: str = "") -> None:
        hint = f"; is {meant!r} meant?" if meant else ""
        super().__init__(f"run() takes no parameter {name!r}, but {', '.join(known)}{hint}")
        self.name, self.known, self.meant = name, tuple(known), meant


class InvalidTensor(CallError):
    """A tensor does not fit what the model declares, or its data not its shape. `name` may end in a path, as `a[3]`."""

    def __init__(self, name: str, expected: str, got: str) -> None:
        super().__init__(f"input {name!r}: expected {expected}, got {got}")
        self.name, self.expected, self.got = name, expected, got


class MissingTensor(CallError):
    """The request leaves out an input of the model."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"input {name!r} is missing; the inputs are {', '.join(known)}")
        self.name, self.known = name, tuple(known)


class UnknownTensor(CallError):
    """The request names an input or an output (`kind`) that the model does not have."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no {kind} {name!r}; the {kind}s are {', '.join(known) or 'none'}")
        self.kind, self.name, self.known = kind, name, tuple(known)


class NotInferable(CallError):
    """The service cannot be called with tensors."""


class RuntimeRefused(CallError):
    """A runtime of MLServer's kind raised an error that is meant for its caller; `status` is HTTP's, 4xx."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class FixedModel(CallError):
    """The only model of the host stays loaded, whatever a request asks for."""

    def __init__(self, name: str, asked: str) -> None:
        super().__init__(f"The model {name!r} is the only one of this host and stays loaded; it takes no {asked}")
        self.name = name


class BodyTooLarge(CallError):
    """The body is larger than the limit (both in bytes)."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than the limit of {limit} bytes")
        self.limit = limit


class LengthRequired(CallError):
    """The body came without its length, as in chunks, through a door that may lose such bodies; `why` says which."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The request needs a Content-Length: {why}")


class HeadersTooLarge(CallError):
    """A header, or all of them together, is too long."""


class MalformedRequest(CallError):
    """What came cannot be understood as an HTTP request."""


class UnsupportedVersion(CallError):
    """The request line names a version of HTTP that this port does not speak."""

    def __init__(self, got: str) -> None:
        super().__init__(f"HTTP/{got} is not spoken here; use HTTP/1.1")
        self.got = got


class UnsupportedTransferCoding(CallError):
    """The body is packed for its transfer in a way that the host cannot undo."""

    def __init__(self, got: str) -> None:
        super().__init__(f"Transfer-Encoding {got!r} is not supported; use chunked, and Content-Encoding for gzip")
        self.got = got


class RequestTooSlow(CallError):
    """The request took longer to arrive than it may."""


class IncompleteBody(CallError):
    """The caller went away before the whole body had come."""

    def __init__(self) -> None:
        super().__init__("The connection ended in the middle of the request body")


class InvalidHeader(CallError):
    """A header that the host reads has a value that it cannot use."""

    def __init__(self, name: str, expected: str, got: str) -> None:
        super().__init__(f"header {name}: expected {expected}, got {got!r}")
        self.name, self.expected, self.got = name, expected, got


class UnknownRoute(CallError):
    """Nothing is served at that path."""

    def __init__(self, path: str, advice: str = "try POST /score or GET /swagger.json") -> None:
        super().__init__(f"Nothing is served at {path!r}; {advice}")
        self.path = path


class UnknownDocument(CallError):
    """There is no API document of that version for this script."""

    def __init__(self, version: str, known: str) -> None:
        super().__init__(f"There is no API document of version {version!r} for this script; there are: {known}")
        self.version = version


class MethodNotAllowed(CallError):
    """The path is served, but not with that method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        advice = f"; use {', '.join(allowed)}" if allowed else ""
        super().__init__(f"The method {method} is not allowed here{advice}")
        self.method, self.allowed = method, tuple(allowed)


class ScriptRefused(CallError):
    """run() raised a werkzeug HTTPException: `response` is the answer that it stands for."""

    def __init__(self, message: str, response: object) -> None:
        super().__init__(message)
        self.response = response


class ModelRefused(CallError):
    """MLflow, or a model of it, has refused a request: `code` is its error code, `details` what else it says of it."""

    def __init__(self, message: str, code: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code, self.details = code, dict(details or {})


class UnknownService(CallError):
    """The host has no service of that name and version."""

    def __init__(self, name: str, version: str | None = None, hint: str = "") -> None:
        """`hint`: which ones there are."""
        of_version = f" of version {version!r}" if version else ""
        super().__init__(f"There is no service {name!r}{of_version}" + (f"; {hint}" if hint else ""))
        self.name, self.version = name, version


class NotLoaded(CallError):
    """The service is not loaded, because somebody wants it so: waiting does not help, loading does."""

    def __init__(self, service: str, reason: str = "") -> None:
        super().__init__(f"The service {service} is not loaded" + (f": {reason}" if reason else ""))
        self.service, self.reason = service, reason


class InvalidTraffic(CallError):
    """How the requests for a service are to be shared out cannot be done: `field` names what, as `shares.2`."""

    def __init__(self, service: str, field: str, expected: str, got: str) -> None:
        super().__init__(f"traffic of {service!r}: {field}: expected {expected}, got {got}")
        self.service, self.field, self.expected, self.got = service, field, expected, got


class UnknownJob(CallError):
    """No job of that id was ever accepted."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id!r}")
        self.job_id = job_id


class RunError(ScoringHostError):
    """The entry script failed on a request that it should have answered."""


class RunFailed(RunError):
    """run() raised, or another `function`; the cause is in `__cause__`, its traceback belongs in the log only."""

    def __init__(self, function: str = "run") -> None:
        super().__init__("An unexpected error occurred in scoring script. Check the logs for more info.")
        self.function = function


class ResultNotEncodable(RunError):
    """run() returned something that JSON cannot hold."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The result of run() cannot be encoded as JSON: {reason}")
        self.reason = reason
        self.remedy = (
            "Return JSON's own types, arrays, frames, dates, bytes, dataclasses, enumerations or pydantic models, or a "
            "Response; make one of those of anything else, of a generator expression with list(...)."
        )


class ResultMisfit(RunError):
    """A run() marked with @typed returned what does not fit its annotation; `path` leads to the part at fault."""

    def __init__(self, path: str, expected: str, got: str) -> None:
        where = f" at {path}" if path else ""
        super().__init__(f"The result of run() is not what its annotation says: expected {expected}, got {got}{where}")
        self.path, self.expected, self.got = path, expected, got


class RuntimeFailed(RunError):
    """A runtime of MLServer's kind raised an error that is meant for its caller; `status` is HTTP's, 5xx."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class LoadFailed(RunError):
    """A service that a request wanted loaded does not start; `reason` is what its log ends with."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The model {name!r} could not be loaded: {reason}")
        self.name, self.reason = name, reason


class DeadlineExceeded(RunError):
    """run() took longer than it may; `limit_s` is in seconds."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"Scoring timeout after {limit_s * 1000:.0f} ms")
        self.limit_s = limit_s


class Unavailable(ScoringHostError):
    """The host cannot take the call now; `retry_after_s` says when it may."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(Unavailable):
    """The service is loading, draining or closed."""


class Overloaded(Unavailable):
    """More calls are waiting than may wait, or this one longer than it may."""


class ServiceUnavailable(Unavailable):
    """A service of a fleet has no replica that takes calls; `state`: what it is at; `reason`: why, if that is known."""

    def __init__(self, service: str, state: str, reason: str = "", retry_after_s: int = 1) -> None:
        super().__init__(f"The service {service} is {state}" + (f": {reason}" if reason else ""), retry_after_s)
        self.service, self.state, self.reason = service, state, reason


class ReplicaError(ScoringHostError):
    """A replica of a service was given a request, and did not answer as it should; the request is not repeated."""


class ReplicaLost(ReplicaError):
    """The replica ended, or closed its connection, before its answer was whole."""

    def __init__(self, service: str) -> None:
        super().__init__(f"A replica of {service} was lost before it had answered; the request may have been handled")
        self.service = service


class ReplicaUnintelligible(ReplicaError):
    """What the replica sent is no answer of HTTP."""

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"A replica of {service} sent what is no answer: {reason}")
        self.service, self.reason = service, reason


class CallerTimedOut(ScoringHostError):
    """The time that the caller has set itself is over; `timeout_s` is in seconds. Nobody's fault but the load's."""

    def __init__(self, timeout_s: float, what: str) -> None:
        super().__init__(f"The {timeout_s * 1000:.0f} ms that the caller waits for an answer are over; {what}")
        self.timeout_s = timeout_s


class InternalError(ScoringHostError):
    """A defect of scoringhost itself; the cause is in the log."""

    def __init__(self) -> None:
        super().__init__("An unexpected internal error occurred. Check the logs for more info.")
