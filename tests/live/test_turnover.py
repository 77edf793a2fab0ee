"""Workers are replaced after some requests, or when they have grown, and nothing that was sent is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ask

if TYPE_CHECKING:
    from tests.conftest import Served

Life = Callable[..., "Served"]


@pytest.mark.drill
@pytest.mark.parametrize("workers", [1, 2])
def test_worn_workers_are_replaced_under_load_and_nothing_is_lost(life: Life, workers: int) -> None:
    served = life("--max-requests", "50", "--workers", str(workers), workers=workers)
    counts: Counter[str] = Counter()
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            reply = ask(served.port, "POST", "/score", body=b"pid")
            counts[f"status {reply.status}"] += 1
            counts[f"pid {reply.json()}"] += 1

    clients = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for one in clients:
        one.start()
    served.log.wait_for(r"is ready for requests", 3 * workers)
    over.set()
    for one in clients:
        one.join(30)
        assert not one.is_alive()
    assert [name for name in counts if name.startswith("status")] == ["status 200"], served.log.text
    assert len([name for name in counts if name.startswith("pid")]) >= 2 * workers
    assert served.log.matches(r"worker \d+ has answered \d+ requests; another takes its place")
    assert not served.log.matches(r" [WE] \[")
    assert served.stop() == 0


def test_a_worker_that_has_grown_is_replaced(life: Life) -> None:
    served = life("--max-worker-memory-mb", "200")
    assert served.say("large 6000000").status == 200  # about 240 MiB of numbers
    served.log.wait_for("of memory; another takes its place")
    served.wait_ready(2)
    served.log.wait_for(f"shutdown in {served.workers[0]}")
    assert served.say("pid").json() == served.workers[1]
