"""`mlserver.logging`: the logger that runtimes write to; its lines are the script's own."""

from __future__ import annotations

import logging

logger = logging.getLogger("azmlinfsrv.print")


def get_logger() -> logging.Logger:
    """The logger."""
    return logger
