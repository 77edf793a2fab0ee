"""What a body says is to be done with it: arrays read, bytes given back, or a large result made."""

import numpy as np

from scoringhost import rawhttp


def init():
    pass


@rawhttp
def run(request):
    if request.files:
        return str(len(request.files["file"].read()))
    body = request.get_data()
    return np.zeros((400, 250)) if body == b"large" else body
