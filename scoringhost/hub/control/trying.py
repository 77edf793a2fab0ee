"""What the control API answers about calls of services: what has come of them, what one takes, and one to try it.

Services answer on another port, where a page of this one could not ask them. Whoever may come in here may call there,
too, as the same keys and tokens hold; a service that has keys of its own is tried by those only who may change it, who
are shown its keys as well.
"""

from __future__ import annotations

import re
import time
from typing import Any

from scoringhost.errors import ScoringHostError
from scoringhost.fleet.calls_seen import KEPT, SLOT_S
from scoringhost.http.errors import row_of
from scoringhost.http.routes import Match
from scoringhost.hub.access import Action
from scoringhost.hub.control.calls import Call
from scoringhost.hub.control.models import Answer
from scoringhost.hub.control.views import may_call
from scoringhost.hub.errors import NotAllowed, ServiceNotFound, ValueRefused
from scoringhost.hub.hub import Hub
from scoringhost.hub.in_process_front import InProcessFront, Limits, ServiceAnswer
from scoringhost.hub.service_values import Service
from scoringhost.schema import json_text

LIMITS = Limits(60.0, 1024 * 1024)
"""Seconds that an answer to a call that was tried may take, and bytes of it that are shown."""

_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(f"{_TOKEN}/{_TOKEN}([ \t]*;[ \t\x21-\x7e]*)?")
"""RFC 9110, 8.3.1. The end of a line in it would begin headers, or requests, of the caller's own."""


class TryAnswers:
    """The operations on calls. `match`: what a request of this API leads to, whose words errors would be in."""

    def __init__(self, hub: Hub, front: InProcessFront) -> None:
        self._hub, self._front = hub, front
        self.match: Match | None = None

    # -- what has come of calls -----------------------------------------------------------------------

    async def metrics(self, call: Call) -> Answer:
        """The last minutes of every service that has been called."""
        call.require(Action.READ)
        there = {name for name, _ in self._hub.supervisor.lives}
        found = self._hub.supervisor.calls.totals(_slots(call))
        services = {name: one._asdict() for name, one in found.items() if name in there}
        return {"slot_s": SLOT_S, "services": services}

    async def metrics_of(self, call: Call) -> Answer:
        """The last minutes of one service, and of each version that has been called."""
        call.require(Action.READ)
        await self._service(call)
        series = self._hub.supervisor.calls.of(call.name, _slots(call))
        found = {key: one._asdict() for key, one in series.items()}
        return {"slot_s": SLOT_S, "service": found.pop(None, None), "versions": found}

    # -- trying one -------------------------------------------------------------------------------------

    async def get_sample(self, call: Call) -> Answer:
        """What a service says that it takes, with a sample of it."""
        version = await self._callable(call, call.query.get("version"))
        try:
            described = await self._asked(call, version, "/docs/service.json")
            if described is not None:
                return {key: described.get(key) for key in ("kind", "text", "parameters", "sample")}
            document = await self._asked(call, version, "/swagger.json?version=3.1")
        except ScoringHostError as error:
            return {"kind": None, "text": str(error), "parameters": [], "sample": None}
        schemas = (document or {}).get("components", {}).get("schemas", {})
        sample = schemas.get("ServiceInput", {}).get("example")
        return {"kind": "json", "text": "", "parameters": [], "sample": sample}

    async def _asked(self, call: Call, version: str | None, path: str) -> dict[str, Any] | None:
        """The document at a path of a service; None if it has none."""
        answer = await self._front.call(self._own_match(), call.name, version, path, None, {}, LIMITS)
        try:
            found = json_text.loads(answer.body) if answer.status == 200 else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    async def try_service(self, call: Call) -> Answer:
        """Call a service, and show what it answers: whatever that is, this is no error of the hub's."""
        version = await self._callable(call, call.body.get("version"))
        body, headers = call.body.get("text", "").encode(), {}
        kind = call.body.get("content_type", "")
        if kind:
            if not _MEDIA_TYPE.fullmatch(kind):
                raise ValueRefused("content_type", "a media type such as application/json", kind)
            headers["content-type"] = kind
        began_s = time.perf_counter()
        try:
            answer = await self._front.call(self._own_match(), call.name, version, "/score", body, headers, LIMITS)
        except ScoringHostError as error:  # what a caller would be told by the front
            answer = ServiceAnswer(row_of(error).http, str(error).encode(), "text/plain")
        took_ms = (time.perf_counter() - began_s) * 1000
        return {**_shown(answer), "took_ms": round(took_ms, 2)}

    async def _callable(self, call: Call, version: str | None) -> str | None:
        """The version that is meant, if the caller may call it.

        Raises:
            NotAllowed, ServiceNotFound.
        """
        call.require(Action.CALL)
        service = await self._service(call)
        if not may_call(call.caller, service):
            raise NotAllowed(call.caller.name, call.caller.role, Action.CALL, "it has keys of its own")
        if version and service.version(version) is None:
            raise ServiceNotFound(service.name, version, known=[one.version for one in service.versions])
        self._front.start()
        return version or None

    async def _service(self, call: Call) -> Service:
        return await self._hub.desk.do(lambda books: books.services.get(call.name))

    def _own_match(self) -> Match:
        assert self.match is not None
        return self.match


def _slots(call: Call) -> int:
    return min(max(1, int(call.query.get("slots", KEPT))), KEPT)


def _shown(answer: ServiceAnswer) -> Answer:
    """An answer as JSON has it; what is no text is only counted."""
    found: Answer = {
        "status": answer.status,
        "content_type": answer.kind,
        "version": answer.version,
        "size": len(answer.body),
        "is_cut": answer.is_cut,
    }
    try:
        text = answer.body.decode("utf-8", "ignore" if answer.is_cut else "strict")
    except UnicodeDecodeError:
        return {**found, "text": None}
    return {**found, "text": None if "\0" in text else text}
