"""Requests to one server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scoringhost.azureml.common import Configuration, HttpClient, HttpException
from tests.conftest import free_port


class Echo(ThreadingHTTPServer):
    """A server that keeps the heads of requests, and answers with a status that the path names."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heads: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Echo

    def do_GET(self) -> None:
        self.server.heads.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Location", "http://elsewhere.example/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    """A configuration that another test does not see."""
    before, Configuration._only = Configuration._only, None
    yield
    Configuration._only = before


def test_a_configuration_is_the_same_everywhere(echo: Echo) -> None:
    assert Configuration().host == "http://localhost:12800"
    Configuration().host = f"{echo.url}/"
    with HttpClient(access_token="t") as client:
        assert client.get("/200").json() == {}
    assert echo.heads[0]["authorization"] == "Bearer t"


def test_a_netrc_file_does_not_replace_the_token(echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    HttpClient(echo.url, "t").get("/200")
    HttpClient(echo.url).get("/200")
    assert [one.get("authorization") for one in echo.heads] == ["Bearer t", None]


def test_a_redirection_is_not_followed_with_the_token(echo: Echo) -> None:
    with pytest.raises(HttpException) as caught:
        HttpClient(echo.url, "t").get("/302")
    assert caught.value.status == 302
    assert caught.value.headers is not None
    assert caught.value.headers["Location"] == "http://elsewhere.example/"


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_a_refusal_says_all_that_came(echo: Echo, status: int) -> None:
    with pytest.raises(HttpException) as caught:
        HttpClient(echo.url).get(f"/{status}")
    assert (caught.value.status, caught.value.body) == (status, "{}")
    assert str(status) in str(caught.value)
    assert str(status) in repr(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(HttpException, match=url) as caught:
        HttpClient(url).get("/services")
    assert (caught.value.status, caught.value.body) == (None, None)


def test_a_401_is_asked_about_once(echo: Echo) -> None:
    client, asked = HttpClient(echo.url, "t"), []

    def renew() -> bool:
        asked.append(1)
        client.authorization = "other"
        return True

    client.renew = renew
    with pytest.raises(HttpException) as caught:
        client.get("/401")
    assert (caught.value.status, len(asked)) == (401, 1)
    assert [one["authorization"] for one in echo.heads] == ["Bearer t", "Bearer other"]
    with pytest.raises(HttpException):
        client.get("/401", is_login=True)
    assert len(asked) == 1


def test_headers_are_set_for_all_requests_and_for_one(echo: Echo) -> None:
    client = HttpClient(echo.url, "Bearer t")
    client.set_header("X-One", "1")
    client.get("/200", headers={"X-One": "2"})
    client.get("/200")
    assert [one["x-one"] for one in echo.heads] == ["2", "1"]
    assert (client.get_header("X-One"), client.get_header("X-Two")) == ("1", None)
    assert client.authorization == "Bearer t"
    assert "python/3." in echo.heads[0]["user-agent"]


def test_a_closed_client_asks_nothing(echo: Echo) -> None:
    client = HttpClient(echo.url)
    client.close()
    client.close()
    with pytest.raises(ValueError, match="closed"):
        client.get("/200")
    assert echo.heads == []
