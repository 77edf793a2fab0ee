"""An entry script whose run() does what the first word of the text says, and does not come back from some of it."""

import contextlib
import ctypes
import itertools
import threading
import time

# A lock that is taken twice: the C library waits for it for ever, whatever signals come meanwhile.
LOCK = ctypes.create_string_buffer(64)


def sleep():
    time.sleep(600)


def python():
    for _ in itertools.count():
        pass


def stubborn():
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(600)


def lock(library):
    library.pthread_mutex_lock(LOCK)
    library.pthread_mutex_lock(LOCK)


def nap():
    time.sleep(0.3)


ACTS = {
    "sleep": sleep,
    "python": python,
    "stubborn": stubborn,
    "c": lambda: lock(ctypes.CDLL(None)),  # gives the interpreter lock back while it waits
    "c-holding": lambda: lock(ctypes.PyDLL(None)),  # does not
    "nap": nap,
    "print": lambda: print("x" * 2000),  # noqa: T201
    "fail": lambda: 1 / 0,
    "thread": lambda: threading.get_ident(),
}


def init():
    pass


def run(raw_data):
    act, _, rest = raw_data.strip('"').partition(" ")
    if act in ACTS:
        ACTS[act]()
    return rest
