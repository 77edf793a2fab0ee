"""python -m scoringhost: the command line."""

from __future__ import annotations

from scoringhost.cli import main

if __name__ == "__main__":
    main(prog_name="scoringhost")
