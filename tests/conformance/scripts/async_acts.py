"""An `async def run` that does what the request's text asks for."""

import asyncio
import sys

from flask import abort

MEETING = {}


async def meet():
    """Two calls can only meet if both are under way at once."""
    here = asyncio.get_running_loop().create_future()
    if "other" in MEETING:
        MEETING.pop("other").set_result("met")
        return "met"
    MEETING["other"] = here
    return await here


async def fail():
    await asyncio.sleep(0)
    raise ValueError("a secret of the model")


async def leave():
    sys.exit(7)


async def refuse():
    abort(422, "the image is too dark")


async def sleep():
    await asyncio.sleep(60)


async def words():
    for word in ("one ", "two ", "grüße"):
        await asyncio.sleep(0)
        yield word


async def fail_after_two():
    yield "one "
    yield "two "
    raise ValueError("after two items")


async def fail_at_once():
    raise ValueError("before the first item")
    yield "never"


async def pause_within():
    yield "one "
    await asyncio.sleep(60)
    yield "two "


async def answer():
    await asyncio.sleep(0)
    return {"answer": 42}


async def large():
    return list(range(300_000))


ACTS = {
    "large": large,
    "answer": answer,
    "meet": meet,
    "fail": fail,
    "leave": leave,
    "refuse": refuse,
    "sleep": sleep,
}
STREAMS = {
    "words": words,
    "fail after two": fail_after_two,
    "fail at once": fail_at_once,
    "pause within": pause_within,
}


def init():
    pass


async def run(raw_data):
    if raw_data in STREAMS:
        return STREAMS[raw_data]()
    return await ACTS[raw_data]()
