"""init() fails in the way that the environment asks for."""

import os
import sys


def init():
    if os.environ["HOW"] == "exit":
        sys.exit(3)
    raise ValueError("the model is broken")


def run(raw_data):
    return raw_data
