"""The oldest pattern: the body as text, parsed by the script, a list answered."""

import json

import numpy as np


def init():
    global weights
    weights = np.array([1.0, 10.0])


def run(raw_data):
    try:
        data = np.array(json.loads(raw_data)["data"])
        return (data @ weights).tolist()
    except Exception as error:
        return str(error)
