"""init() lasts until the file that the environment names is there."""

import os
import time
from pathlib import Path


def init():
    print("init has begun")  # noqa: T201
    while not Path(os.environ["GO"]).exists():
        time.sleep(0.01)


def run(raw_data):
    return raw_data
