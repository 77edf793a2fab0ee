"""ServiceResponse: what a call of a service has given."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from scoringhost.azureml.deploy._encoding import decoded


class ServiceResponse:
    """What a call has given.

    outputs: in Python, by name. raw_outputs: as JSON has them. artifacts: files in base64, by name; None for one that
    was not written. error: why a call has failed, in a batch; empty if it has not.
    """

    def __init__(self, api: str, response: Mapping[str, Any], output_schema: list[dict[str, str]]) -> None:
        """api: the path of the service. response: what the server has answered."""
        self.api = api
        self.error: str = response.get("errorMessage") or ""
        self.console_output: str = response.get("consoleOutput") or ""
        self.raw_outputs: dict[str, Any] = response.get("outputParameters") or {}
        self.artifacts: dict[str, str | None] = response.get("outputFiles") or {}
        self.outputs = decoded(output_schema, self.raw_outputs)

    def output(self, output: str) -> Any:
        """An output by its name; None if there is none."""
        return self.outputs.get(output)

    def artifact(self, artifact_name: str, decode: bool = True, encoding: str | None = None) -> bytes | str | None:
        """A file that the call has written; None if it has not.

        decode: False returns it in base64, as it came. encoding: of its text, which is returned in place of bytes.

        Raises:
            ValueError: if it is no base64, or no text in that encoding.
        """
        found = self.artifacts.get(artifact_name)
        if found is None or not decode:
            return found
        try:
            content = base64.b64decode(found)
            return content if encoding is None else content.decode(encoding)
        except ValueError as problem:
            raise ValueError(f"artifact {artifact_name!r}: {problem}") from None

    def __str__(self) -> str:
        names = ("api", "error", "console_output", "outputs", "raw_outputs", "artifacts")
        return "\n".join(["<ServiceResponse>", *(f"    {name}: {getattr(self, name)}" for name in names)])

    __repr__ = __str__
