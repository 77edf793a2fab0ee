"""How a page gets in: links that hold once, and the tokens for them."""

from __future__ import annotations

from collections.abc import Callable

from scoringhost.hub.access import Caller, Role
from scoringhost.hub.control.sessions import LINK_S, MOST, SESSION_S, PageSessions
from tests.unit.hub.control.conftest import HubWorld

ANN = Caller("ann", Role.OWNER)


def test_a_link_lets_in_once_as_who_has_made_it(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        code = (await world.call("POST", "/links")).body["code"]
        session = await world.call("POST", "/sessions", by=code)
        assert session.status == 201
        about = (await world.call("GET", "/", by=session.body["token"])).body
        assert (about["caller"], about["role"]) == ((await world.call("GET", "/")).body["caller"], "owner")
        assert (await world.call("POST", "/sessions", by=code)).status == 401

    in_hub(act)


def test_the_code_of_a_link_is_good_for_nothing_else(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        code = (await world.call("POST", "/links")).body["code"]
        assert (await world.call("GET", "/services", by=code)).status == 401
        assert (await world.call("POST", "/sessions", by=code)).status == 201

    in_hub(act)


def test_a_page_makes_no_links_and_tokens_of_which_it_would_hold_for_ever(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        code = (await world.call("POST", "/links")).body["code"]
        token = (await world.call("POST", "/sessions", by=code)).body["token"]
        assert (await world.call("GET", "/services", by=token)).status == 200
        for path in ("/links", "/sessions"):
            assert (await world.call("POST", path, by=token)).status == 401, path

    in_hub(act)


def test_who_signs_out_leaves_no_token_that_holds(in_hub: Callable[..., None]) -> None:
    async def act(world: HubWorld) -> None:
        token, other = [(await world.call("POST", "/sessions")).body["token"] for _ in range(2)]
        assert (await world.call("POST", "/sessions/end", {"token": token}, by=token)).status == 200
        assert (await world.call("GET", "/services", by=token)).status == 401
        assert (await world.call("GET", "/services", by=other)).status == 200
        assert (await world.call("POST", "/sessions/end", {"token": token}, by="cat")).status == 200  # which is gone

    in_hub(act)


def test_links_and_tokens_end() -> None:
    now_s = 0.0
    sessions = PageSessions(lambda: now_s)
    code, token = sessions.add_link(ANN), sessions.add_token(ANN)
    assert sessions.caller_of(token) == ANN
    now_s = LINK_S
    assert sessions.take_link(code) is None
    now_s = SESSION_S
    assert sessions.caller_of(token) is None


def test_only_so_many_hold_at_once() -> None:
    sessions = PageSessions()
    codes = [sessions.add_link(ANN) for _ in range(MOST + 1)]
    assert sessions.take_link(codes[0]) is None
    assert sessions.take_link(codes[1]) == ANN
