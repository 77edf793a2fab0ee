"""What the dialect answers about pools: how many processes of a service are ready beforehand."""

from __future__ import annotations

from typing import Any

from scoringhost.fleet.specs import MOST_REPLICAS, Pool
from scoringhost.http.messages import HttpRequest, HttpResponse
from scoringhost.hub.access import Action, require
from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.mls.guard import caller_of
from scoringhost.hub.mls.published import Published
from scoringhost.hub.mls.words import answered, object_of


class MlsPools:
    """The operations on pools."""

    def __init__(self, hub: Hub, published: Published, url: str) -> None:
        """`url`: of the hub's services, where pools are said to be."""
        self._hub, self._published, self._url = hub, published, url

    async def set_pool(self, request: HttpRequest) -> HttpResponse:
        """Keep so many processes ready, and start up to so many."""
        body = {key.lower(): value for key, value in object_of(request).items()}
        initial, most = (_count(body, key) for key in ("InitialPoolSize", "MaxPoolSize"))
        if not 0 <= initial <= most <= MOST_REPLICAS:
            raise ValueRefused("MaxPoolSize", f"0 <= InitialPoolSize <= MaxPoolSize <= {MOST_REPLICAS}", most)
        await self._scale(request, {"minimum": initial, "maximum": max(1, most)})
        return answered(None)

    async def delete_pool(self, request: HttpRequest) -> HttpResponse:
        """Go back to what services have without one."""
        default = Pool()
        await self._scale(request, {"minimum": default.minimum, "maximum": default.maximum})
        return answered(None)

    async def _scale(self, request: HttpRequest, pool: dict[str, float]) -> None:
        service, version = await self._published.own(request)
        await self._hub.scale(service.name, version.version, pool, caller_of(request).name)

    async def get_pool(self, request: HttpRequest) -> HttpResponse:
        """Whether it is there, and ready."""
        require(caller_of(request), Action.READ)
        _, version = await self._published.found(request)
        life = self._hub.supervisor.lives.get((version.service, version.version))
        given = version.deployment.recipe.pool if version.deployment is not None else {}
        default = Pool()
        if life is None or (given.get("minimum", default.minimum), given.get("maximum", default.maximum)) == (
            default.minimum,
            default.maximum,
        ):
            status = "NotFound"
        else:
            table = self._hub.supervisor.current_table().services.get(version.service)
            route = None if table is None else table.versions.get(version.version)
            ready = 0 if route is None else len(route.workers)
            status = "Success" if ready >= life.spec.pool.minimum else "Pending"
        return answered([{"computeNodeEndpoint": f"{self._url}/", "status": status}])


def _count(body: dict[str, Any], key: str) -> int:
    value = body.get(key.lower())
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueRefused(key, "a whole number of 0 or more", value)
    return value
