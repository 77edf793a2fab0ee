"""Request and Response for scripts under @rawhttp, with the API of Flask.

Imported only when a script asks for them, because Flask is slow to import.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import flask

FAILED = "x-ms-run-function-failed"


class Request(flask.Request):
    """The HTTP request that a run() under @rawhttp is handed; azureml calls it AMLRequest."""

    def __init__(
        self, environ: dict[str, Any] | None = None, populate_request: bool = True, shallow: bool = False
    ) -> None:
        """Build a request from a WSGI environment; without one, an empty GET request."""
        if environ is None:
            from werkzeug.test import create_environ

            environ = create_environ()
        super().__init__(environ, populate_request, shallow)


class Response(flask.Response):
    """A response with status and headers of the script's choice; azureml calls it AMLResponse.

    message: text, bytes, an iterator of either (streamed), or anything JSON can hold.
    response_headers: a value with commas is sent as repeated headers, as azureml does; so is a list.
    json_str: encode the message as JSON, text included.
    """

    def __init__(
        self,
        message: object,
        status_code: int | str = 200,
        response_headers: Mapping[str, object] | None = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        """Build the response.

        Raises:
            TypeError: if the message is neither text, bytes, an iterator nor JSON.
        """
        if message is None:
            message, json_str = {}, True
        as_json = json_str or isinstance(message, (dict, list, tuple, bool, int, float))
        if as_json:
            super().__init__(json.dumps(message), status=status_code, mimetype="application/json")
        else:
            super().__init__(message, status=status_code)  # type: ignore[arg-type]
        self.headers[FAILED] = str(run_function_failed)
        for name, value in (response_headers or {}).items():
            self._add(name, value)

    def _add(self, name: str, value: object) -> None:
        parts: Iterable[object] = value if isinstance(value, (list, tuple)) else str(value).split(",")
        if name.lower() == "content-type":
            self.headers[name] = str(value)
            return
        for part in parts:
            self.headers.add(name, str(part).strip())
