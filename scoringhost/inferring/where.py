"""Where requests go: from the words of a command line to connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from scoringhost.client.requests import Request
from scoringhost.client.wire import BROKEN, Connection, Target
from scoringhost.errors import MissingExtra, ScoringHostError
from scoringhost.inferring import Transport
from scoringhost.inferring.rest import BinaryRest, Rest, Service

SECURE, PLAIN = ("https", "grpcs"), ("http", "grpc")


class Refused(ScoringHostError):
    """There is nothing to send, or nobody to send it to; the message says why."""


@dataclass(frozen=True, slots=True)
class Where:
    """What the command line says of the server. url: HOST:PORT, perhaps with a scheme. timeout_s: for an answer."""

    url: str
    model: str | None
    version: str | None
    headers: Mapping[str, str]
    timeout_s: float
    use_tls: bool = False
    believes_all: bool = False

    def target(self) -> Target:
        """The address.

        Raises:
            Refused: if it is none.
        """
        full = self.url if "://" in self.url else f"http://{self.url}"
        try:
            parts = urlsplit(full)
            host, port = parts.hostname, parts.port
        except ValueError as problem:
            raise Refused(f"{self.url} is no address: {problem}; give HOST:PORT") from None
        if not host or parts.scheme not in (*SECURE, *PLAIN):
            raise Refused(f"{self.url} is no address; give HOST:PORT")
        is_secure = self.use_tls or parts.scheme in SECURE
        tls = self._tls() if is_secure else None
        prefix = parts.path.rstrip("/")
        return Target(host, port or (443 if is_secure else 80), prefix, tuple(self.headers.items()), tls)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.believes_all:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def connector(where: Where, transport: str, *, binary: bool) -> Callable[[], Transport]:
    """What makes connections. transport: `rest` or `grpc`.

    Raises:
        Refused: if the address is none, or no model is named and the server has not just one.
        MissingExtra: if a package is missing that this transport needs.
    """
    target = where.target()
    if transport == "grpc":
        if where.model is None:
            raise Refused("name the model with -m")
        if where.believes_all and target.tls is not None:
            raise Refused(
                "gRPC checks certificates always; leave --insecure away, and name the authority in "
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
            )
        return partial(_over_grpc(), Service(target, where.model, where.version, where.timeout_s))
    model = where.model or asyncio.run(_only_model(target, where.timeout_s))
    return partial(BinaryRest if binary else Rest, Service(target, model, where.version, where.timeout_s))


def _over_grpc() -> Callable[[Service], Transport]:
    try:
        from scoringhost.inferring.over_grpc import OverGrpc
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] not in ("grpc", "google"):
            raise
        raise MissingExtra("grpcio", "infer") from None
    return OverGrpc


async def _only_model(target: Target, timeout_s: float) -> str:
    """The name of the server's only model.

    Raises:
        Refused: if it has several or none, or does not say.
    """
    post = Request("POST", f"{target.score_path}/v2/repository/index", (("Content-Type", "application/json"),), b"{}")
    with contextlib.closing(Connection(target)) as connection:
        try:
            async with asyncio.timeout(timeout_s):
                answer = await connection.ask(target.on_wire(post))
        except (TimeoutError, *BROKEN) as problem:
            raise Refused(f"{target.authority} does not answer: {problem or type(problem).__name__}") from None
    names: list[str] = []
    if answer.is_success:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            names = sorted({str(one["name"]) for one in json.loads(answer.body)})
    if len(names) == 1:
        return names[0]
    found = f"it has {', '.join(names)}" if names else f"it does not say which it has ({answer.status})"
    raise Refused(f"name the model with -m: {found}")
