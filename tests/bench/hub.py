"""Figures of the hub: a deployment to its first answer, long lists of models, and redeploying under load.

    python tests/bench/hub.py [--rounds 5] [--redeployments 10]

A hub of its own, as `scoringhost hub serve` starts it. Figures are medians, with the least and the greatest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # of the repository, instead of this folder

from scoringhost.hub.calling import Answer  # noqa: E402
from scoringhost.hub.client import HubClient  # noqa: E402
from scoringhost.hub.home import Home  # noqa: E402
from scoringhost.hub.registry import Registry  # noqa: E402
from tests.conftest import ask  # noqa: E402
from tests.live.fleets import load_on  # noqa: E402
from tests.live.hubs import HubProcess  # noqa: E402

DIABETES = ROOT / "samples" / "diabetes"
JSON = [("Content-Type", "application/json")]
MODELS, VERSIONS, PART = 1000, 10_000, 1000


def ranged(values: Sequence[float]) -> str:
    """Of seconds: the median, and the least and the greatest, in milliseconds."""
    low, middle, high = (1000 * one for one in (min(values), statistics.median(values), max(values)))
    return f"{middle:,.1f} ms ({low:,.1f} to {high:,.1f})"


def timed(rounds: int, work: Callable[[], object]) -> list[float]:
    """Seconds of each round."""
    found = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        work()
        found.append(time.perf_counter() - began_s)
    return found


def first_answers(hub: HubProcess, client: HubClient, rounds: int) -> list[float]:
    """Seconds from the order to the first answer of the diabetes sample, each time as a new service."""
    found = []
    for number in range(rounds):
        name = f"diabetes{number}"
        began_s = time.perf_counter()
        client.deploy(name, DIABETES, wait_s=60)
        body = (DIABETES / "request.json").read_bytes()
        reply = ask(hub.ports[0], "POST", f"/services/{name}/score", headers=JSON, body=body)
        found.append(time.perf_counter() - began_s)
        if reply.status != 200:
            raise SystemExit(f"{name} answers {reply.status}: {reply.body!r}")
        client.delete(name, wait_s=60)
    return found


def listed(rounds: int) -> None:
    """Lists of 1,000 models with 10,000 versions, out of the folder, without a hub."""
    with tempfile.TemporaryDirectory() as place, Home(Path(place, "hub")) as home:
        registry = Registry(home)
        file = Path(place, "model.txt")
        file.write_text("model")
        registry.register("m0", file, tags={"stage": "test"})
        _copied(home)
        newest = timed(rounds, lambda: _require(MODELS, registry.find(latest=True)))
        hundred = timed(rounds, lambda: _require(100, registry.find(most=100)))
        of_one = timed(rounds, lambda: _require(VERSIONS // MODELS, registry.find("m7")))
        every = timed(rounds, lambda: _require(VERSIONS, registry.find()))
    print(f"of {MODELS:,} models with {VERSIONS:,} versions, out of the folder:")
    print(f"  the newest version of each model    {ranged(newest)}")
    print(f"  the newest hundred versions         {ranged(hundred)}")
    print(f"  the versions of one model           {ranged(of_one)}")
    print(f"  all versions with their tags        {ranged(every)}")


def listed_by_hub(hub: HubProcess, client: HubClient, rounds: int) -> None:
    """The same lists from the control API: the request, the answer of JSON, and reading that as Python's values."""
    file = hub.place / "model.txt"
    file.write_text("model")
    client.register_model("m0", file, tags={"stage": "test"})
    with Home(hub.home) as home:
        _copied(home)

    def all_parts() -> list[Answer]:
        found: list[Answer] = []
        query: dict[str, object] = {"most": PART}
        while True:
            answer = client.call("GET", "/models", query=query)
            found += answer["models"]
            if "next" not in answer:
                return found
            query["after"] = answer["next"]

    newest = timed(rounds, lambda: _require(MODELS, client.models(latest=True)))
    part = timed(rounds, lambda: _require(PART, client.models(most=PART)))
    parts = timed(rounds, lambda: _require(VERSIONS, all_parts()))
    every = timed(rounds, lambda: _require(VERSIONS, client.models()))
    print(f"of {MODELS:,} models with {VERSIONS:,} versions, over the control API, read as JSON:")
    print(f"  the newest version of each model    {ranged(newest)}")
    print(f"  the newest {PART:,} versions         {ranged(part)}")
    print(f"  all versions, {PART:,} at a time       {ranged(parts)}")
    print(f"  all versions in one answer          {ranged(every)}")


def _copied(home: Home) -> None:
    """The first model's rows again, under other names and numbers: registering so many takes minutes."""
    with home.writing() as database:
        for table in ("names", "models", "files"):
            columns = [row["name"] for row in database.execute(f"PRAGMA table_info({table})")]
            (row,) = database.execute(f"SELECT * FROM {table}").fetchall()
            marks = ", ".join(f":{column}" for column in columns)
            for number in range(MODELS):
                versions = range(1, VERSIONS // MODELS + 1)
                for version in versions if table != "names" else versions[-1:]:
                    values = {**dict(row), "name": f"m{number}"}
                    values |= {"last_version": version} if table == "names" else {"version": version}
                    database.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)


def _require(number: int, found: Sequence[object]) -> None:
    if len(found) != number:
        raise SystemExit(f"{len(found)} instead of {number}")


def under_load(hub: HubProcess, client: HubClient, redeployments: int) -> None:
    """The answers to requests that go on while a service is deployed again and again."""
    client.deploy("a", hub.service("a"), wait_s=60)
    with load_on(hub.ports[0], "/services/a/score") as load:
        for number in range(redeployments):
            if number % 2:
                client.deploy("a", hub.service("a"), wait_s=60)
            else:
                client.update("a", "1", hub.service("a"), wait_s=60)
            load.wait_for_more()
    counts = Counter(load.end())
    lost = sum(count for status, count in counts.items() if status != 200)
    print(f"{redeployments} redeployments under load: {sum(counts.values()):,} requests, {lost} lost ({dict(counts)})")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--redeployments", type=int, default=10)
    given = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    listed(given.rounds)
    hub = HubProcess()
    try:
        client = hub.start()
        first, *rest = first_answers(hub, client, given.rounds + 1)
        print(f"diabetes from the order to its first answer: {ranged(rest)}; the first of a new hub {ranged([first])}")
        under_load(hub, client, given.redeployments)
        listed_by_hub(hub, client, given.rounds)
    finally:
        hub.remove()


if __name__ == "__main__":
    main()
