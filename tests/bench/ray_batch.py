"""`scoringhost batch` on this machine and on two nodes of Ray, side by side: the same rows, the same output, the time.

    python tests/bench/ray_batch.py [--rows 10000 100000 1000000] [--workers 2]

Needs the extra `ray`. Both engines have as many workers, with a core each. Each number of rows is scored by both, one
after the other, and the outputs and error files are compared byte by byte; one row in 10,000 is bad. How both
grow from the last number but one to the last is told at the end. The first job on a new cluster takes longer to start.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("scoringhost")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    cluster = subprocess.Popen(
        [sys.executable, ROOT / "tests/ray_data/cluster.py", *[str((given.workers + 1) // 2)] * 2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = cluster.stdout.readline().strip()
        if not address:
            raise SystemExit("the cluster did not start")
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; {given.workers} workers, two nodes of Ray"
        )
        print(f"{'rows':>9} {'local s':>8} {'Ray s':>8} {'ratio':>6} {'load':>5}  output, errors")
        with tempfile.TemporaryDirectory() as folder:
            times = [compare(Path(folder), rows, given.workers, address) for rows in given.rows]
        if len(times) > 1:
            fewer, rows = given.rows[-2:]
            local, on_ray = (after - before for before, after in zip(*times[-2:], strict=True))
            each = 100_000 / (rows - fewer)
            print(f"from {fewer:,} to {rows:,} rows, each further 100,000: ", end="")
            print(f"local {local * each:.2f} s, Ray {on_ray * each:.2f} s, ratio {on_ray / local:.2f}")
    finally:
        cluster.stdin.close()
        cluster.wait(60)


def compare(folder: Path, rows: int, workers: int, address: str) -> tuple[float, float]:
    source = folder / "rows.csv"
    with source.open("w") as file:
        file.write(",".join(f"x{column}" for column in range(10)) + "\n")
        for row in range(rows):
            values = [f"{(row * 7 + column * 13) % 1000 / 10000:.4f}" for column in range(10)]
            file.write(",".join(["ten" if row % 10_000 == 9_999 else values[0], *values[1:]]) + "\n")
    local = score(source, folder / "local.csv", workers)
    on_ray = score(source, folder / "ray.csv", workers, "--engine", "ray", "--ray-address", address)
    same = [
        "same" if filecmp.cmp(folder / f"local.csv{end}", folder / f"ray.csv{end}", shallow=False) else "DIFFERENT"
        for end in ("", ".errors.jsonl")
    ]
    load = os.getloadavg()[0]
    print(f"{rows:9,} {local:8.1f} {on_ray:8.1f} {on_ray / local:6.2f} {load:5.1f}  {', '.join(same)}", flush=True)
    return local, on_ray


def score(source: Path, output: Path, workers: int, *more: str) -> float:
    began = time.monotonic()
    command = [PROGRAM, "batch", ROOT / "samples/diabetes", "--input", source, "--output", output, "--overwrite"]
    done = subprocess.run([*command, "--workers", str(workers), *more], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
