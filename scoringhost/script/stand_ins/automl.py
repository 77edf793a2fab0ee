"""What the beginning of every entry script of AutoML asks for: a log, and telemetry that is not sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping

INSTRUMENTATION_KEY = ""
"""Nothing is sent anywhere, so there is no key."""

_ROOT = "azureml.automl"
"""The logger above that of such a script, `azureml.automl.core.scoring_script`."""


def enable_telemetry(key: str | None = None) -> None:
    """Send nothing."""


def set_verbosity(verbosity: int | str) -> None:
    """Set the level of the loggers of AutoML."""
    logging.getLogger(_ROOT).setLevel(verbosity)


def update_custom_dimension(**dimensions: object) -> None:
    """Keep nothing: they go with telemetry."""


def update_custom_dimensions(dimensions: Mapping[str, object]) -> None:
    """Keep nothing: they go with telemetry."""


def install_sockethandler(name: str, host: str | None = None, port: int | None = None) -> None:
    """Install nothing: the log of this process is where it is read."""


def get_logger(name: str | None = None, *unused: object, **options: object) -> logging.Logger:
    """The logger of that name."""
    return logging.getLogger(name or _ROOT)


def log_traceback(
    exception: BaseException,
    logger: logging.Logger | None,
    override_error_msg: str | None = None,
    is_critical: bool | None = True,
    tb: object = None,
) -> None:
    """Log an exception with its traceback."""
    level = logging.CRITICAL if is_critical else logging.ERROR
    message = override_error_msg or f"{type(exception).__name__}: {exception}"
    (logger or logging.getLogger(_ROOT)).log(level, message, exc_info=exception)
