"""AWS Lambda: create_asgi_app() behind Mangum, run by AWS's own runtime client against its Runtime API."""

from __future__ import annotations

import base64
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HANDLER = """
import asyncio
import scoringhost
from mangum import Mangum

scoring = scoringhost.create_asgi_app("score.py")
asyncio.run(scoring.startup())
handler = Mangum(scoring, lifespan="off")
"""

SCRIPT = """
from scoringhost.script.flask_objects import Response
from azureml.contrib.services.aml_request import rawhttp

inits = []


def init():
    inits.append("init")


@rawhttp
def run(request):
    body = request.get_data()
    if body == b"picture":
        return Response(b"\\x89PNG\\xff", 200, {"Content-Type": "image/png", "x-many": "a,b"})
    return {"got": body.decode("latin-1"), "inits": len(inits), "url": request.url}
"""


class RuntimeApi:
    """What AWS runs beside a function: hands out events one by one, and takes the answers.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def __init__(self) -> None:
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = json.dumps(api._events.get()).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
                self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:1:function:f")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api._answers.put((self.path.rpartition("/")[2], json.loads(body)))

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, method: str, path: str, body: bytes = b"", *, query: str = "") -> Any:
        """The answer to a request to the function's URL: an event of version 2.0, its body in base64."""
        self._events.put({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "f.lambda-url.eu-west-1.on.aws", "x-forwarded-proto": "https"},
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.1"}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        })  # fmt: skip
        kind, answer = self._answers.get(timeout=60)
        assert kind == "response", answer
        return answer


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeApi]:
    """The function, in a process of AWS's runtime client."""
    folder, api = tmp_path_factory.mktemp("function"), RuntimeApi()
    (folder / "app.py").write_text(HANDLER, encoding="utf-8")
    (folder / "score.py").write_text(SCRIPT, encoding="utf-8")
    environ = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server.server_address[1]}", "LAMBDA_TASK_ROOT": str(folder)}
    process = subprocess.Popen([sys.executable, "-m", "awslambdaric", "app.handler"], cwd=folder, env=environ)
    yield api
    process.kill()
    process.wait()
    api.server.shutdown()
    api.server.server_close()


def test_init_runs_while_the_function_starts_and_once_for_all_requests(function: RuntimeApi) -> None:
    assert function.invoke("GET", "/")["body"] == "Healthy"
    for body in (b"one", b"\xff\x00"):
        answer = function.invoke("POST", "/score", body, query="a=1")
        assert answer["statusCode"] == 200
        told = json.loads(answer["body"])
        assert (told["got"], told["inits"]) == (body.decode("latin-1"), 1)
        assert told["url"] == "https://f.lambda-url.eu-west-1.on.aws/score?a=1"


def test_bytes_go_out_in_base64_and_repeated_headers_together(function: RuntimeApi) -> None:
    answer = function.invoke("POST", "/score", b"picture")
    assert (answer["isBase64Encoded"], base64.b64decode(answer["body"])) == (True, b"\x89PNG\xff")
    assert (answer["headers"]["content-type"], answer["headers"]["x-many"]) == ("image/png", "a,b")


def test_what_nobody_serves_is_a_404_with_a_request_id(function: RuntimeApi) -> None:
    answer = function.invoke("GET", "/nowhere")
    assert (answer["statusCode"], "message" in json.loads(answer["body"])) == (404, True)
    assert answer["headers"]["x-request-id"]
