"""The comparison: scoringhost against its peers and against a bare ASGI handler, in one run.

    python tests/bench/bench.py                       # everything; needs wrk (apt-get install wrk)
    python tests/bench/bench.py --only small,text --rounds 5 --peers bare,azmlinfsrv

Makes a virtual environment for each peer (once, in ~/.cache/scoringhost-bench), starts one worker
of each with an equivalent service, checks that the answers agree, and drives them in turn, round
by round (A B A B), with wrk on the same machine. Medians are printed, with the ratios' median, least and greatest; absolute
figures mean nothing on a shared machine. `--json FILE` keeps all figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import servers
import workloads

RATIO, LEAST, GREATEST = "ratio", "least ratio", "greatest ratio"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--only", default="", help="workloads, separated by commas")
    parser.add_argument("--peers", default="", help="hosts, separated by commas; scoringhost always takes part")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    wanted = [name for name in args.only.split(",") if name] or list(workloads.ALL)
    peers = {name for name in args.peers.split(",") if name} | {"scoringhost"}
    figures = {}
    for name in wanted:
        work = workloads.ALL[name]
        hosts = [host for host in work.hosts if not args.peers or host in peers]
        figures[name] = measure(work, hosts, args.rounds, args.seconds)
        print_table(work, figures[name])
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))
    return 0


def measure(work: workloads.Workload, hosts: list[str], rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Medians over the rounds for every host: {host: {figure: value}}."""
    running = {}
    try:
        for host in hosts:
            running[host] = servers.start(host, work)
        answers = {host: work.canonical(server.ask()) for host, server in running.items()}
        reference = answers["scoringhost"]
        differing = {host: answer for host, answer in answers.items() if not workloads.agree(answer, reference)}
        if differing:
            raise SystemExit(f"{work.name}: the answers do not agree: {answers}")
        samples: dict[str, list[dict[str, float]]] = {host: [] for host in hosts}
        for server in running.values():
            server.pause()
        for _ in range(rounds):
            for host, server in running.items():
                server.resume()
                samples[host].append(work.drive(server, seconds))
                server.pause()
        return {host: summary(samples, host, work.key, running[host]) for host in hosts}
    finally:
        for server in running.values():
            server.stop()


def summary(
    samples: dict[str, list[dict[str, float]]], host: str, key: str, server: servers.Server
) -> dict[str, float]:
    """Medians over the rounds, and the ratios round by round (median, least, greatest), which outlive the machine's
    moods."""
    found = samples[host]
    names = sorted({name for sample in found for name in sample})
    figures = {name: statistics.median([sample[name] for sample in found if name in sample]) for name in names}
    pairs = [ours[key] / theirs[key] for ours, theirs in zip(samples["scoringhost"], found, strict=True)]
    return figures | {
        "ready s": server.ready_s,
        "PSS MB at ready": server.pss_at_ready_mb,
        RATIO: statistics.median(pairs),
        LEAST: min(pairs),
        GREATEST: max(pairs),
    }


def print_table(work: workloads.Workload, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n## {work.title}")
    names = [name for name in next(iter(figures.values())) if name not in (RATIO, LEAST, GREATEST)]
    print("| host | " + " | ".join(names) + f" | scoringhost's {work.key} is |")
    print("|---" * (len(names) + 2) + "|")
    for host, values in figures.items():
        cells = " | ".join(f"{values.get(name, float('nan')):.4g}" for name in names)
        print(f"| {host} | {cells} | {values[RATIO]:.2f}x ({values[LEAST]:.2f} to {values[GREATEST]:.2f}) |")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
