"""What the log says of a service that cannot start."""

from __future__ import annotations

from scoringhost.errors import InitFailed, ScriptImportFailed, StartupError


def explain(error: StartupError, before: str = "") -> str:
    """The user's traceback, the model folder, and one sentence, which begins with `before`."""
    parts = []
    if isinstance(error, (InitFailed, ScriptImportFailed)):
        parts.append(error.traceback)
    if isinstance(error, InitFailed) and error.listing:
        parts.append("The model folder:\n" + "\n".join(error.listing))
    return "\n".join([*parts, before + str(error)])
