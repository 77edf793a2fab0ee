"""Keys of single services: who may call a service that has some, whatever the fleet asks for besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import compare_digest

from scoringhost.errors import Unauthorized
from scoringhost.fleet.front.exchange import Exchange
from scoringhost.fleet.routing import RoutingTable
from scoringhost.http.messages import HttpRequest
from scoringhost.http.routes import Match


class ServiceKeys:
    """Lets in who sends a key of the service, in `Authorization: Bearer` or in `x-api-key`.

    Fronts know digests of the keys alone. Where the fleet has keys as well, a caller sends one in each of the headers.
    """

    def __init__(self, table: Callable[[], RoutingTable]) -> None:
        self._table = table

    def check(self, head: HttpRequest, match: Match) -> None:
        """See `Guard`.

        Raises:
            Unauthorized: if the service has keys, and none of them is sent.
        """
        # What counts is where the request goes, and not what its decoded path looks like.
        if not isinstance(head, Exchange):
            return
        service = self._table().services.get(head.target.name)
        if service is None or not service.keys:
            return
        is_sent = False
        for sent in _sent(head):
            is_sent = True
            digest = sha256(sent.encode("utf-8", "surrogateescape")).hexdigest()
            for name, known in service.keys.items():
                if compare_digest(digest, known):
                    head.caller = name
                    return
        if is_sent:
            raise Unauthorized("The key is not a valid one", "invalid_token")
        raise Unauthorized("This service asks for a key: send it as Authorization: Bearer ...")


def _sent(head: HttpRequest) -> Iterator[str]:
    scheme, _, value = head.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        yield value.strip()
    other = head.headers.get("x-api-key", "").strip()
    if other:
        yield other
