"""A service over gRPC in this process: the engine, the door, and a client's channel."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from scoringhost import assemble
from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.doors.grpc.door import GrpcDoor
from scoringhost.engine.engine import Engine
from scoringhost.engine.process import Process
from scoringhost.worker_doors import worker_doors

LARGEST = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

ECHO = """
import time
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0]]), enforce_shape=False, enforce_column_type=False))
def run(data):
    return data
"""


class GrpcService:
    """One that is up. `call` sends messages of ours; a client library uses `place`."""

    def __init__(self, process: Process, door: GrpcDoor, port: int, channel: grpc.Channel) -> None:
        self.process, self.door, self.port, self.channel = process, door, port, channel
        self.place = f"127.0.0.1:{port}"

    def call(self, name: str, request: Any = None, **more: Any) -> Any:
        """The response to one message of GRPCInferenceService."""
        known = messages()
        request = known[f"{INFERENCE}.{name}Request"]() if request is None else request
        method = self.channel.unary_unary(
            f"/inference.GRPCInferenceService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=known[f"{INFERENCE}.{name}Response"].FromString,
        )
        return method(request, timeout=more.pop("timeout", 30), **more)

    def infer(self, request: Any, **more: Any) -> Any:
        """ModelInfer."""
        return self.call("ModelInfer", request, **more)

    def fails(self, name: str, request: Any = None, **more: Any) -> grpc.RpcError:
        """The error that a call ends with."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(name, request, **more)
        return caught.value


def request_of(array: Any, datatype: str, name: str = "data", model: str = "echo", **more: Any) -> Any:
    """A ModelInferRequest with one tensor in raw contents."""
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name=model, **more)
    request.inputs.add(name=name, datatype=datatype, shape=array.shape)
    request.raw_input_contents.append(np.ascontiguousarray(array).tobytes())
    return request


@pytest.fixture
def grpc_service(tmp_path: Path, port_of_nobody: Callable[[], int]) -> Iterator[Callable[..., GrpcService]]:
    """grpc_service(script, **settings): serve a script, by the name `echo` unless a setting says otherwise.

    The script may be a folder too, which is served under its own name.
    """
    with contextlib.ExitStack() as stack:

        def make(script: str | Path = ECHO, **settings: Any) -> GrpcService:
            path = script if isinstance(script, Path) else tmp_path / "echo.py"
            if isinstance(script, str):
                path.write_text(script, encoding="utf-8")
            port = port_of_nobody()
            given = {"host": "127.0.0.1", "grpc_port": port, **settings}
            chosen = assemble.settings_of(str(path), {}, given)
            shared = assemble.shared_parts(chosen)
            (make_door,) = worker_doors(chosen, is_guarded=bool(shared.guards))
            world = assemble.world_of(chosen)
            stack.callback(world.leave)
            world.enter(os.environ)
            engine = Engine(partial(assemble.build, chosen, world=world, shared=shared))
            engine.load()
            door: Any = make_door()
            door.serve(engine)
            process = Process(engine)
            process.init()
            stack.callback(process.close, 1.0)
            process.run(door.start(engine.site.app))
            stack.callback(_leave, process, door)
            channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=LARGEST)
            stack.callback(channel.close)
            return GrpcService(process, door, port, channel)

        yield make


def _leave(process: Process, door: GrpcDoor) -> None:
    by_s = time.monotonic() + 1.0
    process.run(door.stop_accepting(by_s))
    process.run(door.finish(by_s))
