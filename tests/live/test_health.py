"""Health probes: on a port of their own if wanted, and never held up by run()."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Served
    from tests.live.conftest import Later

Life = Callable[..., "Served"]

PROBES = 12


def test_a_health_port_is_listened_on_too(life: Life, port_of_nobody: Callable[[], int]) -> None:
    port = port_of_nobody()
    served = life("--health-port", str(port))
    assert served.ask().body == b"Healthy"
    served.port = port
    assert served.ask().body == b"Healthy"


@pytest.mark.parametrize("act", ["nap 2.0", "compute 2.0"])
def test_health_is_answered_within_200_ms_while_run_is_busy(life: Life, later: type[Later], act: str) -> None:
    served = life()
    request = later(lambda: served.say(act))
    served.log.wait_for("napping|computing")
    took_s = []
    for _ in range(PROBES):
        started_s = time.monotonic()
        assert served.ask().body == b"Healthy"
        took_s.append(time.monotonic() - started_s)
    assert request.reply().status == 200
    assert sorted(took_s)[-2] < 0.2, took_s  # the machine may be busy with something else for once
