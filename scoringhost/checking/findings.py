"""Finding: one thing that will bite, where it is, and what to do about it.

The JSON report has these keys:

    script      the entry script that was checked
    loaded      whether it was imported and its init() ran; false means: it cannot be served,
                or is not there, or the settings cannot be used
    clean       whether there is neither an error nor a warning
    findings    a list of objects
      severity  "error": requests will fail; "warning": it works here and may not elsewhere;
                "hint": worth knowing, never a failure
      code      a stable name of the kind of finding, such as "encoded-twice"
      file      the file at fault, or null
      line      the line in it, counted from 1, or null
      message   what is wrong
      remedy    what to do
      detail    the script's own traceback, where it raised; otherwise empty
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class Severity(Enum):
    """How bad it is, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `code` names its kind, `line` counts from 1."""

    severity: Severity
    code: str
    message: str
    remedy: str
    file: Path | None = None
    line: int | None = None
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "file": str(self.file) if self.file else None,
            "line": self.line,
            "message": self.message,
            "remedy": self.remedy,
            "detail": self.detail,
        }

    def as_text(self, base: Path) -> str:
        """Two lines and the detail; the file as seen from the folder `base`."""
        file = self.file
        shown = str(file.relative_to(base) if file and file.is_relative_to(base) else file) if file else ""
        where = f"{shown}:{self.line}: " if shown and self.line else f"{shown}: " if shown else ""
        lines = [f"{where}{self.severity.value}: {self.message} [{self.code}]"]
        return "\n    ".join([*lines, self.remedy, *self.detail.splitlines()])


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has found; `loaded` is false if the script cannot be served."""

    script: Path
    loaded: bool
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether it can be served, and there is neither an error nor a warning."""
        return self.loaded and not self.count(Severity.ERROR) and not self.count(Severity.WARNING)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; the keys are explained above."""
        findings = [finding.as_json() for finding in self.findings]
        return {"script": str(self.script), "loaded": self.loaded, "clean": self.clean, "findings": findings}

    def as_text(self, base: Path) -> str:
        """The findings, and a line that sums them up."""
        lines = [finding.as_text(base) for finding in self.findings]
        return "\n".join([*lines, self._summary()])

    def _summary(self) -> str:
        if not self.loaded:
            return f"{self.script.name}: cannot be served"
        counts = [(self.count(severity), severity.value) for severity in Severity]
        found = ", ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in counts if count)
        return f"{self.script.name}: {found or 'nothing found'}"


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The worst first, then by file and line; each once."""
    severities = list(Severity)
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda one: (severities.index(one.severity), str(one.file or ""), one.line or 0)))
