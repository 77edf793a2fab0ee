"""HttpClient: requests to one server, with a token that may be renewed."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from scoringhost._version import __version__
from scoringhost.azureml.common.configuration import Configuration
from scoringhost.errors import MissingExtra

if TYPE_CHECKING:
    import requests
    from requests import Response
    from requests.adapters import BaseAdapter

UNAUTHORIZED = 401


class HttpException(Exception):
    """The server has refused: `status`, `reason`, `body` (text) and `headers` of its answer."""

    def __init__(self, status: int | None = None, reason: str | None = None, resp: Response | None = None) -> None:
        """resp: the answer; without one, status and reason are given."""
        self.status, self.reason = status, reason
        self.body: str | None = None
        self.headers: Mapping[str, str] | None = None
        if resp is not None:
            self.status, self.reason = resp.status_code, resp.reason
            self.body, self.headers = resp.text, resp.headers
        super().__init__(self.status, self.reason)

    def __str__(self) -> str:
        return f"({self.status}) {self.reason}" + (f": {self.body}" if self.body else "")


class HttpClient:
    """Sends requests to one server, over connections that are kept; threads may share one.

    renew: gets a new token, and returns whether there is one. It is called when a request is answered with 401; the
    request is then sent once more.
    """

    def __init__(self, host: str | None = None, access_token: str | None = None) -> None:
        """host: the server's address, with scheme and port. access_token: sent as `Authorization: Bearer ...`.

        Raises:
            MissingExtra: if requests is not installed.
        """
        try:
            import requests
        except ImportError:
            raise MissingExtra("requests", "mlserver-class") from None
        configuration = Configuration()
        self.host = (host or configuration.host).rstrip("/")
        self.headers = {
            "Accept": "application/json",
            "User-Agent": f"scoringhost/{__version__} python/{platform.python_version()}",
        }
        self.renew: Callable[[], bool] | None = None
        self._renewing = threading.Lock()
        self._session: requests.Session | None = requests.Session()
        # Without an auth of its own a session looks into the user's netrc file, and what is there replaces our token.
        self._session.auth = _as_it_is
        self._session.cert = configuration.cert
        self._session.proxies.update(configuration.proxies or {})
        # With each request and not at the session, whose value gives way to REQUESTS_CA_BUNDLE of the environment.
        self._verify = configuration.verify_ssl
        self._connect_timeout_s = configuration.connect_timeout_s
        if access_token is not None:
            self.authorization = access_token

    @property
    def authorization(self) -> str | None:
        """The value of `Authorization`; set to a token, it becomes `Bearer TOKEN`."""
        return self.headers.get("Authorization")

    @authorization.setter
    def authorization(self, token: str) -> None:
        self.headers["Authorization"] = f"Bearer {token.removeprefix('Bearer ')}"

    def mount(self, prefix: str, adapter: BaseAdapter) -> None:
        """Have an adapter of requests send what goes to URLs that begin so."""
        self._open().mount(prefix, adapter)

    def set_header(self, name: str, value: str) -> None:
        """Send a header with every request from now on."""
        self.headers[name] = value

    def get_header(self, name: str) -> str | None:
        """A header that is sent with every request."""
        return self.headers.get(name)

    def get(self, resource_path: str, **more: Any) -> Response:
        """GET; see `send`."""
        return self.send("GET", resource_path, **more)

    def delete(self, resource_path: str, **more: Any) -> Response:
        """DELETE; see `send`."""
        return self.send("DELETE", resource_path, **more)

    def post(self, resource_path: str, **more: Any) -> Response:
        """POST; see `send`."""
        return self.send("POST", resource_path, **more)

    def patch(self, resource_path: str, **more: Any) -> Response:
        """PATCH; see `send`."""
        return self.send("PATCH", resource_path, **more)

    def put(self, resource_path: str, **more: Any) -> Response:
        """PUT; see `send`."""
        return self.send("PUT", resource_path, **more)

    def send(self, method: str, resource_path: str, *, is_login: bool = False, **more: Any) -> Response:
        """Send a request. more: what `requests.request` takes, such as json, data, files, params and headers.

        is_login: it asks for a token, so that no other one is asked for if it is refused.

        Raises:
            HttpException: if the answer is no success, or the server cannot be reached.
            ValueError: if this client has been closed.
        """
        sent = self.authorization
        response = self._send(method, resource_path, **more)
        if response.status_code == UNAUTHORIZED and not is_login and self._has_other_token(sent):
            response = self._send(method, resource_path, **more)
        # Redirections are not followed, see below, so that they are no success either.
        if not 200 <= response.status_code < 300:
            raise HttpException(resp=response)
        return response

    def _has_other_token(self, sent: str | None) -> bool:
        """Whether there is another token than the one that was sent; one is asked for, unless another thread has."""
        with self._renewing:
            if self.authorization != sent:
                return True
            return self.renew is not None and self.renew()

    def _send(
        self, method: str, resource_path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Response:
        import requests

        try:
            return self._open().request(
                method,
                self.host + resource_path,
                headers={**self.headers, **(headers or {})},
                timeout=(self._connect_timeout_s, None),
                verify=self._verify,
                allow_redirects=False,  # the token would go along, to wherever an answer points
                **more,
            )
        except requests.RequestException as problem:
            raise HttpException(None, f"{self.host} cannot be reached: {problem}") from problem

    def _open(self) -> requests.Session:
        if self._session is None:
            raise ValueError("this client has been closed")
        return self._session

    def close(self) -> None:
        """Close the connections; requests are refused from now on. Twice is fine."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_it_is(request: Any) -> Any:
    """An auth of requests that adds nothing."""
    return request
