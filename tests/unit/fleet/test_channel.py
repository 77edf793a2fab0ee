"""Two ends of a channel."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from scoringhost.fleet.channel import CallFailed, Channel, ChannelClosed


async def pair(ours: Channel, theirs: Channel) -> list[asyncio.Task[None]]:
    left, right = socket.socketpair()
    await ours.over(left)
    await theirs.over(right)
    return [asyncio.create_task(ours.run()), asyncio.create_task(theirs.run())]


async def double(params: Mapping[str, Any]) -> Any:
    return params["number"] * 2


async def refuse(params: Mapping[str, Any]) -> Any:
    raise CallFailed("busy", "not now")


async def never(params: Mapping[str, Any]) -> Any:
    await asyncio.Event().wait()


def test_calls_are_answered_and_events_arrive_in_order() -> None:
    async def play() -> None:
        heard: list[int] = []
        ours, theirs = Channel(), Channel({"news": lambda one: heard.append(one["n"])}, {"double": double})
        running = await pair(ours, theirs)
        for n in range(3):
            ours.tell("news", n=n)
        assert await asyncio.gather(*(ours.ask("double", number=n) for n in range(5))) == [0, 2, 4, 6, 8]
        assert heard == [0, 1, 2]
        ours.close()
        await asyncio.gather(*running)
        assert not theirs.is_open

    asyncio.run(play())


def test_what_cannot_be_done_is_an_error_with_a_kind() -> None:
    async def play() -> None:
        ours, theirs = Channel(), Channel(methods={"refuse": refuse})
        running = await pair(ours, theirs)
        with pytest.raises(CallFailed, match="not now") as refused:
            await ours.ask("refuse")
        assert refused.value.kind == "busy"
        with pytest.raises(CallFailed, match="no method 'sing'"):
            await ours.ask("sing")
        theirs.close()
        await asyncio.gather(*running)

    asyncio.run(play())


def test_whoever_waits_hears_that_the_other_side_has_gone() -> None:
    async def play() -> None:
        ours, theirs = Channel(), Channel(methods={"never": never})
        running = await pair(ours, theirs)
        asked = asyncio.create_task(ours.ask("never"))
        await asyncio.sleep(0)
        theirs.close()
        with pytest.raises(ChannelClosed):
            await asked
        with pytest.raises(ChannelClosed):
            await ours.ask("never")
        for task in [*running, *theirs._answering]:
            task.cancel()

    asyncio.run(play())
