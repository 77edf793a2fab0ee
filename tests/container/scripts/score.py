"""An entry script that does what a container must stand: naps, uploads, memory beyond the limit."""

import getpass
import os
import tempfile
import time

from scoringhost import rawhttp


def init():
    print(f"init as {getpass.getuser()}, home {os.path.expanduser('~')}")  # noqa: T201


@rawhttp
def run(request):
    if request.files:
        return {name: len(part.read()) for name, part in request.files.items()}
    act, _, rest = request.get_data(as_text=True).partition(" ")
    if act == "nap":
        print(f"napping {rest}")  # noqa: T201
        time.sleep(float(rest))
    if act == "fill":
        return len(bytearray(b"x") * (int(rest) << 20))
    return {"temporary": tempfile.gettempdir(), "pid": os.getpid(), "beside": sorted(os.listdir())}


def shutdown():
    print("shutdown")  # noqa: T201
