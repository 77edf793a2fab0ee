"""The control API's guard: what callers with a token are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from scoringhost.http.messages import Headers, HttpRequest
from scoringhost.hub.access import Role
from scoringhost.hub.control.guard import ControlGuard
from scoringhost.settings import Settings
from tests.unit.access.conftest import AUDIENCE, ISSUER, Issuer


@pytest.mark.parametrize(
    ("settings", "claims", "role"),
    [
        ({"hub_role_claim": "roles"}, {"roles": ["Contributor"]}, Role.CONTRIBUTOR),
        ({"hub_role_claim": "groups", "hub_groups": "admins=owner"}, {"groups": ["admins"]}, Role.OWNER),
        ({"hub_role_claim": "roles", "hub_roles": "ann=owner"}, {"roles": ["contributor"]}, Role.OWNER),
        ({"hub_role_claim": "roles"}, {}, Role.READER),
        ({}, {"roles": ["owner"]}, Role.READER),
    ],
)
def test_a_token_says_the_role_of_its_caller_in_the_claim_that_is_named(
    tmp_path: Path, settings: dict[str, Any], claims: dict[str, Any], role: Role
) -> None:
    issuer = Issuer(tmp_path / "jwks.json")
    issuer.make_key("one")
    issuer.publish()
    given = {"token_keys": str(issuer.path), "token_issuer": ISSUER, "token_audience": AUDIENCE} | settings
    guard = ControlGuard(Settings(**given), "the hub's own")

    async def come_in() -> HttpRequest:
        headers = Headers(authorization=f"Bearer {issuer.token(**claims)}")
        request = HttpRequest("GET", "/v1/about", headers=headers)
        waiting = guard.check(request, None)  # type: ignore[arg-type]
        assert waiting is not None
        await waiting
        return request

    for _ in range(2):  # a token that is remembered says the same
        assert guard.caller_of(asyncio.run(come_in())) == ("ann", role)
