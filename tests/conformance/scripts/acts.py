"""A plain run() that does what the request's text asks for."""

import asyncio
import contextlib
import dataclasses
import datetime
import enum
import itertools
import logging
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
from flask import abort

log = logging.getLogger(__name__)


class Port(enum.Enum):
    """An enumeration."""

    SOUTH = "S"


@dataclasses.dataclass
class Record:
    """A result of the script's own."""

    port: Port
    id: uuid.UUID
    file: Path


class Unspeakable(Exception):
    """An exception that cannot even be printed."""

    def __str__(self):
        raise RuntimeError("no words")


def fail():
    raise ValueError("a secret of the model")


def fail_within():
    try:
        fail()
    except ValueError as problem:
        raise LookupError("no such row") from problem


def fail_unspeakably():
    raise Unspeakable


def leave():
    sys.exit(7)


def press_ctrl_c():
    raise KeyboardInterrupt


def refuse():
    abort(422, "the image is too dark")


def own_timeout():
    raise TimeoutError("the database did not answer")


def sleep():
    time.sleep(1.0)


def sleep_patiently():
    """As a script with a broad `except` does."""
    with contextlib.suppress(Exception):
        time.sleep(1.0)
    return "awake"


def compute():
    for _ in itertools.count():
        pass


def words():
    yield "one "
    yield "two "
    yield "grüße"


def rows():
    yield {"row": 1, "score": np.float64(0.5)}
    yield [float("nan")]
    yield {"row": 3}


def chunks():
    yield b"\x00\x01"
    yield b"\xff"


def nothing():
    yield from ()


def lines():
    yield "first\nsecond"
    yield {"last": True}


def fail_at_once():
    raise ValueError("before the first item")
    yield "never"


def fail_after_two():
    yield "one "
    yield "two "
    raise ValueError("after two items")


def pause_within():
    yield "one "
    time.sleep(1.0)
    yield "two "


async def words_in_turn():
    for word in ("one ", "two ", "grüße"):
        yield word


def wait_in_a_loop_of_its_own():
    """As scripts do that call an async client from a plain run()."""

    async def answer():
        await asyncio.sleep(0)
        return "waited"

    return asyncio.run(answer())


def talk():
    print("printed by the script")  # noqa: T201
    print("no newline", end="")  # noqa: T201
    logging.info("logged through the root logger")
    log.info("logged through the module's logger")
    logging.getLogger("some.library").info("a library's chatter")
    return "talked"


BUFFER, FILLED = np.zeros(200_000), itertools.count(1)


def fill():
    """One array for all results, as scripts do that save memory."""
    BUFFER.fill(next(FILLED))
    return BUFFER


FRAME = pd.DataFrame({"name": ["a", "b"], "score": [0.5, None], "day": pd.to_datetime(["2024-01-31", None])})

ACTS = {
    "fail": fail,
    "fail within": fail_within,
    "fail unspeakably": fail_unspeakably,
    "leave": leave,
    "press ctrl-c": press_ctrl_c,
    "refuse": refuse,
    "own timeout": own_timeout,
    "sleep": sleep,
    "sleep patiently": sleep_patiently,
    "compute": compute,
    "wait in a loop of its own": wait_in_a_loop_of_its_own,
    "talk": talk,
    "words": words,
    "rows": rows,
    "chunks": chunks,
    "nothing": nothing,
    "lines": lines,
    "fail at once": fail_at_once,
    "fail after two": fail_after_two,
    "pause within": pause_within,
    "words in turn": words_in_turn,
    "None": lambda: None,
    "text": lambda: "grüße",
    "number": lambda: 1.5,
    "true": lambda: True,
    "list": lambda: [1, [2, 3]],
    "tuple": lambda: ({"answer": 1}, 400),
    "object": lambda: {"a": {"b": [None]}, 1: "one"},
    "array": lambda: np.arange(6, dtype="float32").reshape(2, 3),
    "strided array": lambda: np.arange(6)[::2],
    "bools": lambda: np.array([True, False]),
    "dates": lambda: np.array(["2024-01-31", "NaT"], dtype="datetime64[D]"),
    "scalar": lambda: np.float32(0.5),
    "scalars within": lambda: {"scores": [np.int64(3), np.bool_(True)], "array": np.zeros((1, 2))},
    "frame": lambda: FRAME,
    "series": lambda: FRAME["score"],
    "moment": lambda: datetime.datetime(2024, 1, 31, 10, 20, 30, tzinfo=datetime.UTC),
    "day": lambda: {"day": datetime.date(2024, 1, 31)},
    "bytes": lambda: b"\x00\xff",
    "nan": lambda: {"scores": [float("nan"), float("inf"), 1.0], "array": np.array([np.nan, 2.0])},
    "large": lambda: {
        "frame": pd.DataFrame({"n": range(20_000), "s": "x"}),
        "array": np.arange(300_000).reshape(-1, 3),
    },
    "large with a range": lambda: [[0.5] * 200_000, range(2)],
    "large with nan": lambda: [0.5] * 200_000 + [float("nan")],
    "fill": fill,
    "range": lambda: {"labels": range(2)},
    "record": lambda: {"labels": {2, 1}, "record": Record(Port.SOUTH, uuid.UUID(int=5), Path("a/b"))},
    "object of a class": lambda: [1, Unspeakable()],
    "itself": lambda: CIRCLE,
    "generator expression": lambda: (number for number in range(3)),
}
CIRCLE = []
CIRCLE.append(CIRCLE)


def init():
    pass


def run(raw_data):
    return ACTS[raw_data]()
