"""Record what MLflow's own server answers to the requests of `cases.py`.

    python -m venv /tmp/mlflow && /tmp/mlflow/bin/pip install mlflow==3.17.2 scikit-learn skops
    /tmp/mlflow/bin/python tests/mlflow_folders/record.py

It makes the model folders anew, serves each with `mlflow models serve --env-manager local`, and writes
`answers-VERSION.json` beside this file: for each request the status, the Content-Type, and the body.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.mlflow_folders.cases import CASES, MODELS  # noqa: E402
from tests.mlflow_folders.folders import make  # noqa: E402

Answer = tuple[int, str | None, str]


def main() -> None:
    """Record all, and write the file."""
    answers: dict[str, Answer] = {}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        for model in MODELS:
            _of_model(Path(folder) / model, model, answers)
    names = ("mlflow", "pandas", "numpy", "scikit-learn", "pydantic")
    made_with = {"python": platform.python_version(), **{name: version(name) for name in names}}
    lines = [f"  {json.dumps(key)}: {json.dumps(answer)}" for key, answer in answers.items()]
    text = '{"made_with": ' + json.dumps(made_with) + ',\n "answers": {\n' + ",\n".join(lines) + "\n}}\n"
    (HERE / f"answers-{version('mlflow')}.json").write_text(text)


def _of_model(folder: Path, model: str, answers: dict[str, Answer]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # MLflow starts uvicorn by its bare name, which the environment's own folder must provide.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), "-p", str(port)]
    command += ["--env-manager", "local", "-h", "127.0.0.1"]
    server = subprocess.Popen(
        command,
        env={**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(port)
        for route in ("/ping", "/health", "/version"):
            answers[f"{model}: GET {route}"] = _ask(port, "GET", route, None, None)
        answers[f"{model}: GET /invocations"] = _ask(port, "GET", "/invocations", None, None)
        for case in CASES:
            if case.model == model:
                answers[case.key] = _ask(port, "POST", "/invocations", case.body, case.content_type)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait(port: int) -> None:
    give_up_s = time.monotonic() + 300
    while True:
        try:
            if _ask(port, "GET", "/ping", None, None)[0] == 200:
                return
        except OSError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.1)


def _ask(port: int, method: str, path: str, body: bytes | None, content_type: str | None) -> Answer:
    headers: dict[str, Any] = {} if content_type is None else {"Content-Type": content_type}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read().decode()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
