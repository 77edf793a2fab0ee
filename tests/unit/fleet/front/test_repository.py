"""The index of a front, and what it makes of the supervisor's answers."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from scoringhost.dialects.oip.repository import ListedModel
from scoringhost.errors import InternalError, LoadFailed, NotReady, ScoringHostError, UnknownService
from scoringhost.fleet.channel import CallFailed, Channel
from scoringhost.fleet.front.repository import ChannelRepository, brief
from scoringhost.fleet.routing import RoutingTable, ServiceRoute, State, VersionRoute

FAILED = """Traceback (most recent call last):
  File "score.py", line 2, in init
ValueError: no model
init() of score.py raised ValueError; correct it and start again."""


def test_the_index_has_every_version_in_the_words_of_the_protocol() -> None:
    versions = {
        "10": VersionRoute("10", "7", State.READY),
        "9": VersionRoute("9", "", State.FAILED, FAILED),
        "8": VersionRoute("8", "", State.STOPPED, "unloaded by a request"),
        "7": VersionRoute("7", "", State.STOPPED, wakes=True),
        "6": VersionRoute("6", "", State.LOADING, "running init()"),
        "5": VersionRoute("5", "", State.DRAINING),
    }
    table = RoutingTable(1, {"wine": ServiceRoute("wine", versions, "10")})

    async def index() -> list[ListedModel]:
        return list(await ChannelRepository(Channel(), lambda: table).index())

    rows = asyncio.run(index())
    assert [(row.version, row.state) for row in rows] == [
        ("5", "UNLOADING"),
        ("6", "LOADING"),
        ("7", "READY"),
        ("8", "UNAVAILABLE"),
        ("9", "UNAVAILABLE"),
        ("10", "READY"),
    ]
    reasons = {row.version: row.reason for row in rows}
    assert "its next request starts it" in reasons["7"]
    assert reasons["9"] == "init() of score.py raised ValueError; correct it and start again. (ValueError: no model)"


@pytest.mark.parametrize(
    ("reason", "said"), [("", ""), ("stopped", "stopped"), ("killed by SIGKILL\nmore", "killed by SIGKILL")]
)
def test_a_reason_without_a_traceback_is_its_first_line(reason: str, said: str) -> None:
    assert brief(reason) == said


def asked(kind: str) -> ScoringHostError | None:
    """What a load raises if the supervisor's answer is an error of that kind, or none."""

    async def load(params: Mapping[str, Any]) -> None:
        assert params == {"name": "wine", "version": "2"}
        if kind == "gone":
            theirs.close()
        elif kind:
            raise CallFailed(kind, "why")

    async def play() -> ScoringHostError | None:
        left, right = socket.socketpair()
        await ours.over(left)
        await theirs.over(right)
        running = [asyncio.create_task(one.run()) for one in (ours, theirs)]
        found: ScoringHostError | None = None
        try:
            await ChannelRepository(ours, RoutingTable).load("wine", "2")
        except ScoringHostError as error:
            found = error
        ours.close()
        theirs.close()
        await asyncio.gather(*running)
        return found

    ours, theirs = Channel(), Channel(methods={"repository_load": load})
    return asyncio.run(play())


@pytest.mark.parametrize(
    ("kind", "error"),
    [("not_found", UnknownService), ("failed", LoadFailed), ("internal", InternalError), ("gone", NotReady)],
)
def test_what_the_supervisor_cannot_do_is_an_error_of_the_right_kind(kind: str, error: type[ScoringHostError]) -> None:
    assert type(asked(kind)) is error


def test_what_it_can_do_is_none() -> None:
    assert asked("") is None
