from __future__ import annotations

import subprocess
import sys


def test_the_supervisor_imports_nothing_that_scores() -> None:
    code = "import sys, scoringhost.cli.serve, scoringhost.fleet.made; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "flask", "inference_schema", "grpc"} & set(done.stdout.split())
