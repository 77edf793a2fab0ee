"""Starting one worker of each host with one service, and asking it."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("SCORINGHOST_BENCH_CACHE", Path.home() / ".cache" / "scoringhost-bench"))

KEY = "0123456789abcdef0123456789abcdef"
WATCHED = {
    "SCORINGHOST_LOG_FORMAT": "json",
    "SCORINGHOST_METRICS": "true",
    "SCORINGHOST_PRIMARY_KEY": KEY,
    "SCORINGHOST_TRACES": "true",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.01",
}
"""All that lets in and shows what happens: the log as JSON, metrics, a key, and a trace of one request in a hundred."""

# uvloop 0.22 ends every worker of MLServer 1.7 at birth, and pandas 3 breaks its codecs: two pins of the peer's own.
PACKAGES = {
    "scoringhost": [f"{ROOT}[metrics,otlp]"],
    "bare": ["gunicorn", "uvicorn", "uvicorn-worker", "uvloop", "httptools", "orjson", "numpy", "pandas"],
    "azmlinfsrv": ["azureml-inference-server-http", "azureml-contrib-services", "numpy", "pandas"],
    "litserve": ["litserve", "numpy"],
    "mlserver": ["mlserver==1.7.1", "uvloop<0.22", "pandas<3"],
    "bentoml": ["bentoml", "numpy"],
    "mlflow": ["mlflow==3.17.2", "scikit-learn", "skops"],
}


def environment_of(host: str) -> Path:
    """The bin folder of a host's virtual environment, made on first use; ours is made anew when stale."""
    if host == "scoringhost" and (Path(sys.executable).parent / "scoringhost").exists():
        return Path(sys.executable).parent
    folder = CACHE / host
    if not (folder / "done").exists():
        print(f"making the environment of {host} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *PACKAGES[host]], check=True)
        (folder / "done").touch()
    return folder / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes what is sent by OTLP, and forgets it."""

    def do_POST(self) -> None:
        """Answer that all is well."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def start_sink() -> int:
    """Start a receiver of traces in this process; returns its port."""
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    return int(sink.server_address[1])


class Server:
    """One running host."""

    def __init__(
        self, host: str, work: Any, command: list[str], path: str, health: str, body: bytes, **env: str
    ) -> None:
        self.host, self.body, self._work = host, body, work
        self.headers: dict[str, str] = {}
        self.grpc_place = ""
        self.port = int(env.pop("PORT"))
        base = f"http://127.0.0.1:{self.port}"
        self.url, self._health = base + path, base + health
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SCORINGHOST_", "AZUREML_"))}
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(Path(self._folder.name) / "log", "wb")
        started_s = time.perf_counter()
        self._process = subprocess.Popen(
            command, env={**clean, **env, "BENCH_WORKLOAD": work.service}, cwd=env.get("CWD", self._folder.name),
            stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self._wait_ready(started_s)
        self.pss_at_ready_mb = self.pss_mb()

    def _wait_ready(self, started_s: float) -> None:
        while time.perf_counter() - started_s < 180:  # MLflow took 74 s on two busy cores
            try:
                self.health()
                self.ready_s = time.perf_counter() - started_s
                return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.005)
        log = (Path(self._folder.name) / "log").read_text(errors="replace")[-3000:]
        self.stop()
        raise SystemExit(f"{self.host} did not become ready:\n{log}")

    def health(self) -> None:
        with urllib.request.urlopen(self._health, timeout=30) as reply:
            reply.read()

    def ask(self) -> bytes:
        headers = {"Content-Type": self._work.content_type, **self.headers}
        request = urllib.request.Request(self.url, self.body, headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer: bytes = reply.read()
        return answer

    def pss_mb(self) -> float:
        """Proportional set size of the session's processes together."""
        total = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.getsid(int(entry.name)) == self._process.pid:
                        rollup = (entry / "smaps_rollup").read_text()
                        total += int(rollup.split("\nPss:")[1].split()[0])
                except (OSError, IndexError):
                    continue
        return total / 1024

    def pause(self) -> None:
        """Take no CPU time while others are measured."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process.poll() is None:
            self.resume()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
        self._log.close()
        self._folder.cleanup()


def start(name: str, work: Any) -> Server:
    """Start a host with the service of a workload."""
    host, _, variant = name.partition("-")
    tools = environment_of(host)
    port = free_port()
    script = str(HERE / "services" / f"{work.service}.py")
    common = {"PORT": str(port), "PYTHONPATH": str(HERE / "peers")}
    if work.service == "mlflow":
        return _of_mlflow(host, name, work, tools, port, common)
    if host == "scoringhost":
        return _scoringhost(name, variant, work, tools, script, common)
    if host == "azmlinfsrv":
        command = [str(tools / "azmlinfsrv"), "--entry_script", script, "--port", str(port)]
        return Server(name, work, command, "/score", "/", work.body, **common, BENCH_LISTS="1")
    if host == "bare":
        command = [str(tools / "gunicorn"), "-k", "uvicorn_worker.UvicornWorker", "-b", f"127.0.0.1:{port}", "bare:app"]
        return Server(name, work, command, "/score", "/", work.body, **common)
    if host == "litserve":
        command = [str(tools / "python"), str(HERE / "peers" / "lit.py"), str(port)]
        return Server(name, work, command, "/predict", "/health", work.body, **common)
    if host == "bentoml":
        command = [str(tools / "bentoml"), "serve", "bento:Service", "--port", str(port)]
        path = "/text" if work.service == "text" else "/data"
        return Server(name, work, command, path, "/readyz", work.body, **common)
    if work.service == "tensor_sum":
        return _tensors_at_mlserver(name, variant, work, tools, common)
    return _mlserver(name, work, tools, port, common)


def _scoringhost(name: str, variant: str, work: Any, tools: Path, script: str, common: dict[str, str]) -> Server:
    extra = {"SCORINGHOST_MAX_BATCH_SIZE": "64"} if work.service == "fixed_cost" and not variant else {}
    extra |= {"SCORINGHOST_LOG_LEVEL": "ERROR"} if variant == "silent" else {}
    if variant == "watched":
        extra |= WATCHED | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{start_sink()}"}
    program = [str(tools / "scoringhost")]
    if variant == "fixed":
        program = [str(tools / "python"), str(HERE / "peers" / "fixed_loop.py")]
    command = [*program, "serve", script, "--port", common["PORT"], "--host", "127.0.0.1"]
    path, grpc_port = "/score", 0
    if work.service == "tensor_sum":
        path, grpc_port = "/v2/models/tensor_sum/infer", free_port()
        command += ["--grpc-port", str(grpc_port)]
    server = Server(name, work, command, path, "/", work.body, **common, **extra)
    server.grpc_place = f"127.0.0.1:{grpc_port}"
    server.headers = {"Authorization": f"Bearer {KEY}"} if variant == "watched" else {}
    return server


def _of_mlflow(host: str, name: str, work: Any, tools: Path, port: int, common: dict[str, str]) -> Server:
    """One model folder, served by MLflow's own server or by ours."""
    folder = CACHE / "mlflow-model"
    if not folder.exists():
        python = environment_of("mlflow") / "python"
        subprocess.run([python, HERE / "peers" / "mlflow_model.py", folder], check=True, stderr=subprocess.DEVNULL)
    environ = {**common, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [str(tools / "scoringhost"), "serve", str(folder), "--port", str(port), "--host", "127.0.0.1"]
    if host == "mlflow":
        command = [
            str(tools / "mlflow"),
            "models",
            "serve",
            "-m",
            str(folder),
            "-p",
            str(port),
            "--env-manager",
            "local",
        ]
    return Server(name, work, command, "/invocations", "/ping", work.body, **environ)


def _mlserver(name: str, work: Any, tools: Path, port: int, common: dict[str, str]) -> Server:
    data = json.loads(work.body)["data"]
    tensor = {"name": "data", "datatype": "FP64", "shape": [len(data), len(data[0])], "data": data}
    folder = Path(tempfile.mkdtemp())
    batch = {"max_batch_size": 64, "max_batch_time": 0.005} if work.service == "fixed_cost" else {}
    model = {"name": "m", "implementation": "mls_model.Model", **batch}
    (folder / "model-settings.json").write_text(json.dumps(model))
    settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [str(tools / "mlserver"), "start", str(folder)]
    body = json.dumps({"inputs": [tensor]}).encode()
    return Server(name, work, command, "/v2/models/m/infer", "/v2/health/ready", body, **common)


def _tensors_at_mlserver(name: str, variant: str, work: Any, tools: Path, common: dict[str, str]) -> Server:
    """The same model as it starts by itself, with one process for inference, or (`mlserver-0`) with none."""
    folder, grpc_port = Path(tempfile.mkdtemp()), free_port()
    model = {"name": "tensor_sum", "implementation": "mls_model.Model"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    settings = {"http_port": int(common["PORT"]), "grpc_port": grpc_port, "metrics_port": free_port(), "debug": False}
    if variant:
        settings["parallel_workers"] = int(variant)
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [str(tools / "mlserver"), "start", str(folder)]
    path, health = "/v2/models/tensor_sum/infer", "/v2/health/ready"
    server = Server(name, work, command, path, health, work.body, **common)
    server.grpc_place = f"127.0.0.1:{grpc_port}"
    return server
