"""`python -m scoringhost.fleet.front`: started by the supervisor, with descriptors that it has opened."""

from __future__ import annotations

import argparse

from scoringhost.fleet.front.process import run_front


def main() -> int:
    """Run a front to its end; returns the exit code."""
    parser = argparse.ArgumentParser(prog="scoringhost.fleet.front")
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--memory", type=int)
    for name in ("--listen", "--listen-metrics", "--listen-health", "--listen-grpc"):
        parser.add_argument(name, type=int, action="append", default=[])
    given = parser.parse_args()
    return run_front(
        given.channel,
        given.listen,
        given.listen_metrics,
        given.listen_health,
        given.memory,
        given.number,
        given.listen_grpc,
    )


if __name__ == "__main__":
    raise SystemExit(main())
