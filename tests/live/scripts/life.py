"""An entry script whose run() does what the first word of the text says; it logs its own life."""

import contextlib
import itertools
import os
import time
from pathlib import Path


def nap(seconds):
    print(f"napping {seconds}")  # noqa: T201
    time.sleep(float(seconds))
    return f"slept {seconds}"


def compute(seconds):
    """Python code all the way: the interpreter lock is never given up on purpose."""
    print(f"computing {seconds}")  # noqa: T201
    end = time.monotonic() + float(seconds)
    for number in itertools.count():
        if time.monotonic() > end:
            return "computed" if number else "nothing"
    return None


def stuck(_):
    print("stuck")  # noqa: T201
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


def meet(folder):
    """Wait until two processes are in here at once."""
    place = Path(folder)
    (place / str(os.getpid())).touch()
    end = time.monotonic() + 20
    while len(list(place.iterdir())) < 2:
        assert time.monotonic() < end, "nobody came"
        time.sleep(0.01)
    return os.getpid()


def die(_):
    print("dying")  # noqa: T201
    os._exit(9)


def drip(count):
    """A stream of short steps."""
    print(f"dripping {count}")  # noqa: T201
    for number in range(int(count)):
        time.sleep(0.01)
        yield f"{number} "


def leave(code):
    os._exit(int(code))


def large(count):
    """So many numbers."""
    print(f"making {count}")  # noqa: T201
    return list(map(float, range(int(count))))


def environment(name):
    return os.environ.get(name)


def score(text):
    print(f"scoring {text}")  # noqa: T201
    return text


ACTS = {
    "nap": nap,
    "compute": compute,
    "stuck": stuck,
    "meet": meet,
    "die": die,
    "drip": drip,
    "leave": leave,
    "large": large,
    "environment": environment,
    "echo": score,
    "pid": lambda _: os.getpid(),
}


def init():
    print(f"init in {os.getpid()}")  # noqa: T201


def run(raw_data):
    act, _, rest = raw_data.partition(" ")
    return ACTS[act](rest)


def shutdown():
    print(f"shutdown in {os.getpid()}")  # noqa: T201
