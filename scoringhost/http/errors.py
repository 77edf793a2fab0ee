"""Which status every error has, over HTTP and over gRPC, and the JSON body that says why.

gRPC codes are names of https://grpc.io/docs/guides/status-codes/. A test proves that every leaf of
the error tree has a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from scoringhost import errors
from scoringhost.errors import ScoringHostError

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How one kind of error is answered."""

    error: type[ScoringHostError]
    http: int
    grpc: str


_START = HTTPStatus.INTERNAL_SERVER_ERROR

ROWS = (
    ErrorRow(errors.SettingsError, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.ScriptNotFound, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.ScriptImportFailed, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.ScriptUnservable, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.InitFailed, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.PortInUse, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.MissingExtra, _START, "FAILED_PRECONDITION"),
    ErrorRow(errors.Unauthorized, 401, "UNAUTHENTICATED"),
    ErrorRow(errors.Forbidden, 403, "PERMISSION_DENIED"),
    ErrorRow(errors.TooManyRequests, 429, "RESOURCE_EXHAUSTED"),
    ErrorRow(errors.UndecodableBody, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnsupportedContentType, 415, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnsupportedContentEncoding, 415, "INVALID_ARGUMENT"),
    ErrorRow(errors.MissingParameter, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.InvalidParameter, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnknownParameter, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.InvalidTensor, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.MissingTensor, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnknownTensor, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.NotInferable, 400, "FAILED_PRECONDITION"),
    ErrorRow(errors.RuntimeRefused, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.FixedModel, 400, "UNIMPLEMENTED"),
    ErrorRow(errors.BodyTooLarge, 413, "RESOURCE_EXHAUSTED"),
    ErrorRow(errors.LengthRequired, 411, "INVALID_ARGUMENT"),
    ErrorRow(errors.HeadersTooLarge, 431, "RESOURCE_EXHAUSTED"),
    ErrorRow(errors.MalformedRequest, 400, "INVALID_ARGUMENT"),
    # RFC 9110 has 505 and 501 for these two; a 5xx, however, says that the service is ill, and wakes somebody up.
    ErrorRow(errors.UnsupportedVersion, 400, "UNIMPLEMENTED"),
    ErrorRow(errors.UnsupportedTransferCoding, 400, "UNIMPLEMENTED"),
    ErrorRow(errors.RequestTooSlow, 408, "DEADLINE_EXCEEDED"),
    ErrorRow(errors.IncompleteBody, 400, "CANCELLED"),
    ErrorRow(errors.InvalidHeader, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnknownRoute, 404, "UNIMPLEMENTED"),
    ErrorRow(errors.UnknownDocument, 404, "NOT_FOUND"),
    ErrorRow(errors.MethodNotAllowed, 405, "UNIMPLEMENTED"),
    ErrorRow(errors.ScriptRefused, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.ModelRefused, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnknownService, 404, "NOT_FOUND"),
    ErrorRow(errors.NotLoaded, 404, "NOT_FOUND"),
    ErrorRow(errors.InvalidTraffic, 400, "INVALID_ARGUMENT"),
    ErrorRow(errors.UnknownJob, 404, "NOT_FOUND"),
    ErrorRow(errors.RunFailed, 500, "INTERNAL"),
    ErrorRow(errors.ResultNotEncodable, 500, "INTERNAL"),
    ErrorRow(errors.ResultMisfit, 500, "INTERNAL"),
    ErrorRow(errors.RuntimeFailed, 500, "INTERNAL"),
    ErrorRow(errors.LoadFailed, 500, "INTERNAL"),
    ErrorRow(errors.DeadlineExceeded, 504, "DEADLINE_EXCEEDED"),
    ErrorRow(errors.NotReady, 503, "UNAVAILABLE"),
    ErrorRow(errors.Overloaded, 503, "RESOURCE_EXHAUSTED"),
    ErrorRow(errors.ServiceUnavailable, 503, "UNAVAILABLE"),
    ErrorRow(errors.ReplicaLost, 502, "UNAVAILABLE"),
    ErrorRow(errors.ReplicaUnintelligible, 502, "INTERNAL"),
    ErrorRow(errors.CallerTimedOut, 504, "DEADLINE_EXCEEDED"),
    ErrorRow(errors.InternalError, 500, "INTERNAL"),
)

_BY_TYPE = {row.error: row for row in ROWS}

_GRPC_OF_STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""What a status that a runtime has chosen is over gRPC, where it is not what its class is; as MLServer has it."""


def row_of(error: ScoringHostError) -> ErrorRow:
    """The row of an error, or of the nearest class above it; with the status that a runtime has chosen itself."""
    for kind in type(error).__mro__:
        if kind in _BY_TYPE:
            usual = _BY_TYPE[kind]
            chosen = getattr(error, "status", usual.http)
            if chosen == usual.http:
                return usual
            return ErrorRow(kind, chosen, _GRPC_OF_STATUS.get(chosen, usual.grpc))
    return _BY_TYPE[errors.InternalError]


def headers_of(error: ScoringHostError) -> list[tuple[str, str]]:
    """The headers that HTTP wants beside the status of an error, whichever dialect words its body."""
    headers = []
    if isinstance(error, (errors.Unavailable, errors.TooManyRequests)):
        headers.append(("Retry-After", str(error.retry_after_s)))
    if isinstance(error, errors.MethodNotAllowed) and error.allowed:
        headers.append(("Allow", ", ".join(error.allowed)))
    if isinstance(error, errors.Unauthorized):
        headers.append(("WWW-Authenticate", _challenge(error.error, str(error))))
    if isinstance(error, errors.Forbidden):
        headers.append(("WWW-Authenticate", _challenge("insufficient_scope", str(error), error.scope)))
    return headers


def _challenge(error: str, description: str, scope: str = "") -> str:
    """What to send instead (RFC 6750, 3): without a reason if the caller has sent nothing at all."""
    challenge = 'Bearer realm="scoringhost"'
    if error:
        # A quoted string of a header; the grammar leaves out quotes, backslashes and what is not ASCII.
        plain = "".join(letter for letter in description if " " <= letter <= "~" and letter not in '"\\')
        challenge += f', error="{error}", error_description="{plain}"'
    if scope:
        challenge += f', scope="{scope}"'
    return challenge
