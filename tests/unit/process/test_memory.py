"""Memory of the process."""

from __future__ import annotations

import subprocess
import sys

from scoringhost.process.memory import filled_holes, pss_mb

FAULTS = """
import gc, resource
from scoringhost.process.memory import settle

body = bytes(1_000_000)

def faults(rounds=50):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        [body[1:], body[2:], body[3:], body[4:]]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
before = faults()
settle()
faults()
print(before, faults(), gc.get_freeze_count())
"""


def test_memory_of_a_request_is_used_again_by_the_next() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    before, after, frozen = map(int, printed.split())
    assert after < before / 10
    assert frozen > 1000


def test_the_share_of_memory_is_that_of_a_python_process() -> None:
    share_mb = pss_mb()
    assert share_mb is not None
    assert 5 < share_mb < 5000


def test_holes_are_filled_with_blocks_of_every_size_that_python_keeps_apart() -> None:
    filled = filled_holes()
    assert [{block.__sizeof__() for block in blocks} for blocks in filled] == [{size} for size in range(48, 513, 16)]
    assert sum(len(blocks) * blocks[0].__sizeof__() for blocks in filled) < 64 * 1024 * 1024
