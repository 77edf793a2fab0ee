from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from scoringhost.dialects import oip_grpc
from scoringhost.dialects.oip_grpc.pool import FILES
from scoringhost.dialects.oip_grpc.proto_text import file_of

FOLDER = Path(oip_grpc.__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_our_reading_of_a_file_is_that_of_protoc(name: str, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")
    out = tmp_path / "out.pb"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{FOLDER}", f"--descriptor_set_out={out}", name]
    subprocess.run(command, check=True)
    (expected,) = FileDescriptorSet.FromString(out.read_bytes()).file
    _without_json_names(expected.message_type)  # which are made of the others

    assert file_of(name, (FOLDER / name).read_text(encoding="utf-8")) == expected


def _without_json_names(found: Any) -> None:
    for message in found:
        for field in message.field:
            field.ClearField("json_name")
        _without_json_names(message.nested_type)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("option x = 1;", "option"),
        ("message A { B b = 1; }", "no type 'B'"),
        ("service S { option x = 1; }", "expected an rpc"),
        ("message A { int32 a 1; }", "expected '='"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        file_of("x.proto", f'syntax = "proto3"; package p; {text}')

    assert said in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("others", ["tritonclient.grpc.service_pb2", "kserve.protocol.grpc.grpc_predict_v2_pb2"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_script_may_import_messages_of_the_same_names(others: str, is_first: bool) -> None:
    if importlib.util.find_spec(others.partition(".")[0]) is None:
        pytest.skip(f"{others} is not installed")
    ours = "import scoringhost.dialects.oip_grpc.pool as pool; pool.messages()"
    lines = [f"import {others}", ours] if is_first else [ours, f"import {others}"]

    subprocess.run([sys.executable, "-c", "; ".join(lines)], check=True)
