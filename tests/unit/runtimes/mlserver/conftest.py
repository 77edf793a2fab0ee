"""A folder with a runtime and its settings, served inside the test's process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoringhost.inference import codecs as registry
from scoringhost.runtimes.mlserver import codec_base
from scoringhost.testing import Client, serve

BEGINNING = """
import asyncio
from typing import List, Optional, Tuple
import numpy as np
import pandas as pd
from mlserver import MLModel, ModelSettings, log, register, types
from mlserver.codecs import (
    Base64Codec, DatetimeCodec, InputCodec, NumpyCodec, NumpyRequestCodec, PandasCodec, RequestCodec, StringCodec,
    decode_args, register_input_codec, register_request_codec,
)
from mlserver.errors import MLServerError
from mlserver.handlers import custom_handler
from mlserver.types import InferenceRequest, InferenceResponse


"""
Serve = Callable[..., contextlib.AbstractContextManager["Runtime"]]


class Runtime:
    """A model that is served."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    def infer(self, *inputs: dict[str, Any], headers: dict[str, str] | None = None, **rest: Any) -> Any:
        """The response to some inputs."""
        path = f"/v2/models/{self.name}/infer"
        return self.client.request("POST", path, body={"inputs": list(inputs), **rest}, headers=headers)

    def data(self, *inputs: dict[str, Any], **rest: Any) -> dict[str, Any]:
        """The data of the outputs by name; there must be no error."""
        reply = self.infer(*inputs, **rest)
        assert reply.status == 200, reply.text
        return {one["name"]: one["data"] for one in reply.json()["outputs"]}

    @property
    def metadata(self) -> Any:
        """What it says of itself."""
        return self.client.request("GET", f"/v2/models/{self.name}").json()


def texts(name: str, *data: str, **parameters: Any) -> dict[str, Any]:
    """An input of texts."""
    return tensor(name, "BYTES", list(data), **parameters)


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None, **parameters: Any) -> Any:
    """An input."""
    made = {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}
    return {**made, "parameters": parameters} if parameters else made


@pytest.fixture
def serve_model(tmp_path: Path) -> Iterator[Serve]:
    """Serves a class `Model`, whose source is given; the codecs that it registers are forgotten afterwards."""
    tables: list[dict[str, Any]] = [
        registry.INPUT_CODECS, registry.REQUEST_CODECS, codec_base.INPUT_CODECS, codec_base.REQUEST_CODECS
    ]  # fmt: skip
    before = [dict(table) for table in tables]

    @contextlib.contextmanager
    def served(source: str, *, host: dict[str, Any] | None = None, **settings: Any) -> Iterator[Runtime]:
        folder = tmp_path / "model_folder"
        folder.mkdir(exist_ok=True)
        (folder / "models.py").write_text(BEGINNING + source)
        content = {"name": "m", "implementation": "models.Model", **settings}
        (folder / "model-settings.json").write_text(json.dumps(content))
        with serve(folder, **(host or {})) as client:
            yield Runtime(client, content["name"])

    yield served
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)
