"""One request to a service, as `run` sends it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from scoringhost.azureml.exceptions import WebserviceException

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Services are on this machine: a proxy for the world outside has nothing to do with them."""


def call_service(name: str, url: str, data: Any, key: str | None) -> Any:
    """POST it; returns the value of an answer in JSON, and of another kind its text or bytes.

    Raises:
        WebserviceException: if the answer is not a 200, or there is none.
    """
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, _body(data), headers, method="POST")
    try:
        with _opener.open(request) as answer:
            return _value(answer.headers.get_content_type(), answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            said = problem.read().decode("utf-8", "replace")
        number = problem.headers.get("x-request-id")
        raise WebserviceException(
            f"Received bad response from service {name}:\nResponse Code: {problem.code}\nRequest id: {number}\n"
            f"Content: {said}",
            problem,
        ) from None
    except OSError as problem:
        raise WebserviceException(f"{name} does not answer at {url}: {problem}", problem) from None


def _body(data: Any) -> bytes:
    """The bytes to send. The SDK sends a dict as a form, which no script reads."""
    if isinstance(data, str):
        return data.encode("utf-8")
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    try:
        return json.dumps(data, default=_as_list).encode("utf-8")
    except (TypeError, ValueError) as problem:
        raise WebserviceException(f"input_data cannot be sent as JSON: {problem}", problem) from problem


def _as_list(value: Any) -> Any:
    """What JSON knows of an array, or of a table, by what they can do themselves."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    raise TypeError(f"a {type(value).__name__} is no value of JSON")


def _value(kind: str, body: bytes) -> Any:
    if kind == "application/json":
        return json.loads(body)
    if kind.startswith("text/"):
        return body.decode("utf-8")
    return body
