"""Templates: whose environment needs one of its own, and what a request looks like on its way."""

from __future__ import annotations

from scoringhost.fleet.replica_request import ReplicaRequest
from scoringhost.fleet.templates import start_variables


def test_only_variables_that_count_at_a_start_need_a_template_of_their_own() -> None:
    plain = {"HOME": "/", "PYTHONPATH": "/x", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    assert start_variables(plain) == ()
    counting = {"LD_PRELOAD": "a", "PYTHONHASHSEED": "0", "MALLOC_ARENA_MAX": "1", "LC_ALL": "C"}
    assert dict(start_variables(plain | counting)) == counting


def test_a_request_is_read_as_it_was_sent() -> None:
    asked = ReplicaRequest("7", "/", {"A": "a\nb"}, {"script": "score.py"}, "/run/s/7", "/run/n", 0.5)
    line = asked.encode()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert ReplicaRequest.decode(line) == asked
