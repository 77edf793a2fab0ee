"""The deadline that a caller sets itself, with a header."""

from __future__ import annotations

import re
import time

from scoringhost.errors import InvalidHeader
from scoringhost.http.messages import HttpRequest
from scoringhost.kernel.deadline import Deadline

TIMEOUT_HEADER = "x-request-timeout-ms"

_MILLISECONDS = re.compile("[0-9]{1,12}")


def deadline_of(request: HttpRequest) -> Deadline:
    """Until when the caller of a request that has the header waits, from the time on at which the request was there.

    Raises:
        InvalidHeader: if its value is no number of milliseconds.
    """
    text = request.headers[TIMEOUT_HEADER]
    if _MILLISECONDS.fullmatch(text) is None:
        raise InvalidHeader(TIMEOUT_HEADER, "a whole number of milliseconds", text[:100])
    timeout_s = int(text) / 1000
    spent_s = time.perf_counter() - request.began_s
    return Deadline(timeout_s, time.monotonic() - spent_s + timeout_s)
