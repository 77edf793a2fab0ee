"""Requests/s of a function app through Microsoft's worker: our door beside func.WsgiFunctionApp, in one run.

    SCORINGHOST_FUNCTIONS_HOST="..." python tests/bench/functions.py --rounds 5     # needs wrk

Both apps serve the same script of `services/`, one through `scoringhost.create_function_app`, the
other through `func.WsgiFunctionApp` around `scoringhost.create_app`, each behind its own host for
function apps (see tests/functions/conftest.py) on the same machine. They are driven in turn, round
by round (A B A B); the medians are printed with the median of the ratios round by round. Only the
ratio means something: host and worker and wrk share the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BODY = b'{"data": [[1.0, 2.0, 3.0, 4.0]]}'

WSGI = """
import azure.functions as func
import scoringhost

app = func.WsgiFunctionApp(app=scoringhost.create_app().wsgi_app, http_auth_level=func.AuthLevel.ANONYMOUS)
"""

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("BODY")
"""


class App:
    """A function app behind its host."""

    def __init__(self, folder: Path, source: str, script: Path) -> None:
        folder.mkdir()
        (folder / "function_app.py").write_text(source)
        shutil.copy(ROOT / "function_app" / "host.json", folder)
        host = shlex.split(os.environ["SCORINGHOST_FUNCTIONS_HOST"])
        command = [*host, "--app", str(folder), "--port", "0", "--env", f"AZUREML_ENTRY_SCRIPT={script}"]
        self._log = open(folder / "log", "wb")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline().split()
        assert ready[:1] == [b"READY"], (folder / "log").read_text()
        self.url = ready[1].decode() + "/score"
        self.start_s = float(ready[2])
        self.figures: list[float] = []
        self.cpu_us: list[float] = []

    def ask(self) -> bytes:
        answer = subprocess.run(
            ["curl", "-sf", "-H", "Content-Type: application/json", "-d", BODY, self.url],
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        return answer.stdout

    def worker_s(self) -> float:
        """CPU seconds that the worker has used so far."""
        status = subprocess.run(
            ["curl", "-sf", self.url.removesuffix("/score") + "/admin/host/status"], stdout=subprocess.PIPE, check=True
        )
        fields = Path(f"/proc/{json.loads(status.stdout)['workers'][0]['pid']}/stat").read_text().rpartition(")")[2]
        return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def drive(self, connections: int, seconds: float, lua: Path) -> float:
        """Requests/s."""
        before_s = self.worker_s()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(lua), self.url]
        environ = {**os.environ, "BODY": BODY.decode()}
        report = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
        assert "Non-2xx" not in report, report
        found = re.search(r"Requests/sec:\s+([\d.]+)", report)
        assert found, report
        count = re.search(r"(\d+) requests in", report)
        assert count, report
        self.cpu_us.append((self.worker_s() - before_s) / int(count[1]) * 1e6)
        return float(found[1])

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._log.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--connections", default="1,8,16")
    parser.add_argument("--service", default="numpy_sum")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    script = HERE / "services" / f"{args.service}.py"
    ours = (ROOT / "function_app" / "function_app.py").read_text()
    results = {}
    with tempfile.TemporaryDirectory() as work:
        lua = Path(work) / "post.lua"
        lua.write_text(LUA)
        apps = {"ours": App(Path(work) / "ours", ours, script), "wsgi": App(Path(work) / "wsgi", WSGI, script)}
        try:
            answers = {name: app.ask() for name, app in apps.items()}
            assert len({json.dumps(json.loads(answer)) for answer in answers.values()}) == 1, answers
            for connections in map(int, args.connections.split(",")):
                results[connections] = measure(apps, connections, args.rounds, args.seconds, lua)
        finally:
            for app in apps.values():
                app.stop()
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))
    return 0


def measure(apps: dict[str, App], connections: int, rounds: int, seconds: int, lua: Path) -> dict[str, float]:
    for app in apps.values():
        app.drive(connections, 1, lua)
        app.figures.clear()
        app.cpu_us.clear()
    for _ in range(rounds):
        for app in apps.values():
            app.figures.append(app.drive(connections, seconds, lua))
    pairs = [ours / wsgi for ours, wsgi in zip(apps["ours"].figures, apps["wsgi"].figures, strict=True)]
    medians = {name: statistics.median(app.figures) for name, app in apps.items()}
    ratio = statistics.median(pairs)
    cpu_us = {f"{name} worker CPU us": statistics.median(app.cpu_us) for name, app in apps.items()}
    cpu_ours, cpu_wsgi = cpu_us.values()
    print(f"{connections:3d} connections: ours {medians['ours']:6.0f}/s, WsgiFunctionApp {medians['wsgi']:6.0f}/s, "
          f"{ratio:.2f}x ({min(pairs):.2f}-{max(pairs):.2f}); CPU of the worker for a request: "
          f"{cpu_ours:.0f} and {cpu_wsgi:.0f} us, {cpu_wsgi / cpu_ours:.2f}x", flush=True)  # fmt: skip
    return medians | cpu_us | {"ratio": ratio}


if __name__ == "__main__":
    sys.exit(main())
