"""What cannot be on Kubernetes as it was described."""

from __future__ import annotations

from collections.abc import Sequence


class ServiceRefused(Exception):
    """A service cannot be as it is described. `problems`: all that is wrong, one sentence each, by the field's name."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{name}: {problem}" for problem in problems))
        self.name, self.problems = name, tuple(problems)
