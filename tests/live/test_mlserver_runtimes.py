"""Runtimes that were written for MLServer, on the real server, asked by a real client."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

Start = Callable[..., "Served"]
RUNTIMES = Path(__file__).parent / "scripts" / "mlserver"

triton = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")


def _input(name: str, array: Any, datatype: str) -> Any:
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=True)
    return made


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("preload", ["false", "true"])
def test_a_runtime_with_decoded_arguments_answers_tritons_client(start: Start, workers: str, preload: str) -> None:
    served = start(
        RUNTIMES / "numbers", "--metrics", MLSERVER_PARALLEL_WORKERS=workers, SCORINGHOST_PRELOAD=preload
    ).wait_ready(int(workers))
    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    assert client.is_model_ready("scaled")
    assert client.is_model_ready("scaled", "v1")
    assert client.get_model_metadata("scaled")["versions"] == ["v1"]
    inputs = [
        _input("data", np.array([[1, 2], [3, 4]], "f4"), "FP32"),
        _input("labels", np.array(["a", "b"], dtype=object), "BYTES"),
    ]
    result = client.infer("scaled", inputs)
    np.testing.assert_array_equal(result.as_numpy("output-0"), [[2.5, 5.0], [7.5, 10.0]])
    factor = served.ask("GET", "/factor").json()
    assert factor["factor"] == 2.5
    assert factor["process"] in served.workers
    assert 'rows_scaled_sum{model_name="scaled",model_version="v1"} 2.0' in served.ask("GET", "/metrics").body.decode()


def test_a_runtime_that_streams_sends_each_word_and_leaves_with_its_work_done(start: Start) -> None:
    served = start(RUNTIMES / "words").wait_ready()
    body = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["one two three"]}]}
    reply = served.ask("POST", "/v2/models/words/infer_stream", body=json.dumps(body).encode())
    events = [json.loads(line.removeprefix("data: ")) for line in reply.body.decode().split("\n\n") if line]
    assert [event["outputs"][0]["data"] for event in events] == [["one"], ["two"], ["three"]]
    whole = served.ask("POST", "/v2/models/words/infer", body=json.dumps(body).encode()).json()
    assert whole["outputs"][0]["data"] == ["ONE TWO THREE"]
    served.signal(signal.SIGTERM)
    assert served.exit_code() == 0


def test_a_codec_of_the_runtimes_own_reads_pictures(start: Start) -> None:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (7, 5)).save(picture, "PNG")
    served = start(RUNTIMES / "images").wait_ready()
    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    result = client.infer("sizes", [_input("image", np.array([picture.getvalue()], dtype=object), "BYTES")])
    assert result.as_numpy("size").ravel().tolist() == [7, 5]


def test_the_port_of_settings_json_gives_way_to_the_environment(
    start: Start, tmp_path: Path, port_of_nobody: Callable[[], int]
) -> None:
    for file in (RUNTIMES / "numbers").iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "settings.json").write_text(json.dumps({"http_port": 1, "platfrom": 1}), encoding="utf-8")
    port = port_of_nobody()
    served = start(tmp_path, SCORINGHOST_PORT="", MLSERVER_HTTP_PORT=str(port)).wait_ready()
    served.port = port
    assert served.ask("GET", "/v2/models/scaled/ready").status == 200
    served.log.wait_for("'platfrom' is no setting of MLServer's")
    assert os.path.isfile(tmp_path / "factor.txt")
