"""What keeps a service from having the environment that it asks for."""

from __future__ import annotations

from scoringhost.errors import StartupError


class EnvironmentFailed(StartupError):
    """There is no interpreter with what a service asks for; the text says why, and where it can be said what to do."""
