"""What schemathesis makes of the documents that samples serve: good and bad requests, and no 5xx of ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.conftest import PROGRAM, SAMPLES
from tests.live.faults.table import CannotRun, Drill

CHOSEN = ("diabetes", "wine", "typed", "two_models", "tokens")
"""Samples whose packages are those of the tests: arrays, frames, annotations, several parameters, a stream."""

THE_SCRIPTS = {"RunFailed", "ResultNotEncodable", "ResultMisfit"}
"""The errors of a 5xx that the script has caused: run() raised, or its result cannot be sent."""


def documents(drill: Drill) -> None:
    """Each sample with its own document, and one of them in Swagger 2.0 as well."""
    for sample in CHOSEN:
        required = "no 5xx but what run() itself caused, by the class of the error in the log"
        with drill.row(f"schemathesis: {sample}", required) as row:
            program = PROGRAM.with_name("schemathesis")
            if not program.exists():
                raise CannotRun("pip install schemathesis")
            served = row.serve(SAMPLES / sample, "--log-format", "json")
            for version in ("3.1", "2.0") if sample == CHOSEN[0] else ("3.1",):
                (row.folder / f"{version}.json").write_bytes(served.ask(target=f"/swagger.json?version={version}").body)
                _attack(program, row.folder / f"{version}.json", served.port, row.folder, drill.seconds)
            served.stop()
            entries = [json.loads(line) for line in served.log.lines if '"status":' in line]
            for entry in entries:
                row.counts["sent"] += 1
                row.counts["answered"] += 1
                row.counts["refused"] += 400 <= entry["status"] < 500
            failures = [entry for entry in entries if entry["status"] >= 500]
            ours = [entry for entry in failures if entry.get("error") not in THE_SCRIPTS]
            row.note(f"{len(failures)} x 5xx of the script's own")
            row.require(len(entries) >= 20, f"only {len(entries)} requests came")
            row.require(not ours, f"{len(ours)} x 5xx of ours, as {ours[:2]}")
            row.require("scoringhost failed on a request" not in served.log.text, "the log has a defect of ours")


def _attack(program: Path, document: Path, port: int, folder: Path, seconds: float) -> None:
    """Send what the document allows, and what it does not; what its own report says is not of interest here."""
    command = [
        str(program),
        "run",
        str(document),
        "--url",
        f"http://127.0.0.1:{port}",
        "--checks",
        "not_a_server_error",
    ]
    command += ["--max-examples", str(max(10, round(10 * seconds))), "--seed", "1"]
    command += ["--continue-on-failure", "--no-shrink"]
    # The systematic phase takes a minute of a busy machine for a document of any size.
    phases = "coverage,fuzzing" if seconds >= 2 else "fuzzing"
    command += ["--phases", phases, "--warnings", "off", "--suppress-health-check", "all"]
    subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=300)
