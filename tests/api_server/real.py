"""Kubernetes' own API server, with etcd, where their programs are: on 127.0.0.1, with nothing else of a cluster.

They are looked for in the folder that KUBEBUILDER_ASSETS names, as the tests of other projects do, and in
~/.cache/scoringhost/kubernetes. Neither Debian, PyPI nor npm has a kube-apiserver.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api_server.access import Access

NAMES = ("etcd", "kube-apiserver")
ADMIN, READER = "token-of-an-admin", "token-of-a-reader"
READY_S = 120
NOT_HERE = (
    "NO REAL KUBERNETES API SERVER: these ran against the stand-in alone; put etcd and kube-apiserver into the folder "
    "that KUBEBUILDER_ASSETS names, or ~/.cache/scoringhost/kubernetes"
)


def folder_of_programs() -> Path | None:
    """Where both programs are; None if they are not here."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    places = [Path(named)] if named else []
    places.append(Path.home() / ".cache/scoringhost/kubernetes")
    return next((place for place in places if all((place / name).exists() for name in NAMES)), None)


@contextmanager
def running(programs: Path, folder: Path) -> Iterator[Access]:
    """A server for as long as it is entered."""
    etcd_port, peer_port, port = (_free_port() for _ in range(3))
    (folder / "tokens.csv").write_text(f"{ADMIN},admin,1,system:masters\n{READER},reader,2\n")
    key = folder / "accounts.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    etcd = f"http://127.0.0.1:{etcd_port}"
    peer = f"http://127.0.0.1:{peer_port}"
    commands = {
        "etcd": [
            *("--data-dir", folder / "etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd),
            *(
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                f"default={peer}",
            ),
            "--unsafe-no-fsync",
        ],
        "kube-apiserver": [
            *(
                "--etcd-servers",
                etcd,
                "--secure-port",
                port,
                "--bind-address",
                "127.0.0.1",
                "--cert-dir",
                folder / "certs",
            ),
            *("--advertise-address", "127.0.0.1", "--service-cluster-ip-range", "10.96.0.0/24"),
            *("--authorization-mode", "RBAC", "--token-auth-file", folder / "tokens.csv"),
            *("--service-account-key-file", key, "--service-account-signing-key-file", key),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            # Without controllers nobody makes the account that each pod would need.
            *("--disable-admission-plugins", "ServiceAccount"),
        ],
    }
    started = []
    try:
        for name, arguments in commands.items():
            log = (folder / f"{name}.log").open("wb")
            command = [str(programs / name), *map(str, arguments)]
            started.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder))
            log.close()
        access = Access(f"https://127.0.0.1:{port}", folder, "models", ADMIN, folder / "certs/apiserver.crt", True)
        _wait_until_ready(access, started, folder)
        yield access
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(access: Access, started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    until_s = time.monotonic() + READY_S
    while True:
        try:
            # Its own namespace is the last thing that it makes at its start.
            access.ask_whole("GET", "/api/v1/namespaces/kube-system")
            return
        except (OSError, AssertionError, ValueError) as problem:
            ended = [one.args for one in started if one.poll() is not None]
            if ended or time.monotonic() > until_s:
                log = (folder / "kube-apiserver.log").read_text()[-3000:]
                raise AssertionError(f"{ended or problem}\n{log}") from None
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def install_http_routes(access: Access) -> None:
    """HTTPRoute as far as it is asked for here: its fields are kept, and not checked."""
    name = "httproutes.gateway.networking.k8s.io"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    whole = {"type": "object", "properties": {"spec": schema}}
    content = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": name,
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": {
                "plural": "httproutes",
                "singular": "httproute",
                "kind": "HTTPRoute",
                "listKind": "HTTPRouteList",
            },
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    access.ask_whole("PATCH", f"{path}/{name}?fieldManager=test&force=true", content, "application/apply-patch+yaml")
    until_s = time.monotonic() + READY_S
    while True:
        found = access.ask_whole("GET", f"{path}/{name}")
        conditions = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", ())}
        if conditions.get("Established") == "True":
            break
        assert time.monotonic() < until_s, conditions
        time.sleep(0.1)
    while True:
        try:
            access.ask("GET", "gateway.networking.k8s.io/v1/httproutes")
            return
        except AssertionError:
            assert time.monotonic() < until_s
            time.sleep(0.1)
