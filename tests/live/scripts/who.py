"""An entry script that says what it is told of its caller; `sleep N` and `large` do what they say."""

import time


def init():
    pass


def run(raw_data, request_headers):
    act, _, seconds = raw_data.partition(" ")
    if act == "sleep":
        print("begins to sleep")  # noqa: T201
        time.sleep(float(seconds))
    if act == "large":
        return "x" * 3_000_000
    return {"name": request_headers.get("X-Client-Certificate-Name"), "size": len(raw_data)}
