import asyncio

import flask


def init():
    pass


async def run(data):
    flask.g.kept = data
    await asyncio.sleep(0)
    if data == "stream":
        return pieces()
    return [flask.request.method, flask.g.kept, flask.current_app.name]


async def pieces():
    yield flask.request.headers["X-Mine"]
    await asyncio.sleep(0)
    yield " " + flask.g.kept
