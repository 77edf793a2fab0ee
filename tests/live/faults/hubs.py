"""A hub that is killed at any moment of what it does."""

from __future__ import annotations

import time

from tests.live.faults.table import Drill
from tests.live.hubs import HubProcess, kill_at_random


def killed(drill: Drill) -> None:
    """SIGKILL, at random moments of deployments, updates, registrations and removals."""
    required = "a whole folder, no process left, what was answered is there, the rest is not half there"
    with drill.row("hub killed at random moments", required) as row:
        hub = HubProcess()
        try:
            counts = kill_at_random(hub, drill.hub_kills, int(time.monotonic()), lambda _: None)
            row.note(f"{drill.hub_kills} kills: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
            client = hub.start()
            for service in client.services():
                state = client.version(service["name"], "1", wait_s=60)["state"]
                row.require(state == "ready", f"{service['name']} is {state} after it")
        finally:
            hub.remove()
