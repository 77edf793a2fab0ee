"""An entry script for clients that misbehave: large answers, endless streams, echoes of what came in."""

import time

import flask

from scoringhost import rawhttp

MIB = 1024 * 1024


def init():
    pass


def endless():
    try:
        while True:
            yield b"x" * 65_536
    finally:
        print("the stream is closed")  # noqa: T201


def nothing():
    yield b"this must not follow a head that says there is nothing"


@rawhttp
def run(request):
    act = request.args.get("act", "headers")
    if act == "large":
        return b"x" * MIB
    if act == "endless":
        return endless()
    if act == "nap":
        print(f"napping for {request.args['name']}")  # noqa: T201
        time.sleep(float(request.args["for"]))
        return f"slept for {request.args['name']}"
    if act == "framing":
        return flask.Response(
            "the body", headers={"Transfer-Encoding": "chunked", "Connection": "close", "X Y": "no name"}
        )
    if act == "status":
        status = int(request.args["status"])
        return flask.Response(nothing() if "streamed" in request.args else "", status=status)
    return {"size": len(request.get_data()), "headers": dict(request.headers)}
