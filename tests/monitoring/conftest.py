"""What the tests with a real Prometheus share."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def prometheus(tmp_path: Path, port_of_nobody: Callable[[], int]) -> Iterator[Callable[[int], Callable[[str], Any]]]:
    """prometheus(port): a Prometheus that scrapes a port; answers a function that asks it."""
    processes = []

    def prometheus(target: int) -> Callable[[str], Any]:
        port = port_of_nobody()
        config = {
            "global": {"scrape_interval": "200ms"},
            "scrape_configs": [{"job_name": "host", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
        }
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        command.append(f"--web.listen-address=127.0.0.1:{port}")
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def ask(query: str) -> Any:
            address = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(query)}"  # type: ignore[attr-defined]
            with urllib.request.urlopen(address, timeout=10) as response:
                return json.load(response)["data"]["result"]

        return ask

    yield prometheus
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
