"""What Azure ML puts beside a batch script: an object with the logger and the folders of its job."""

from __future__ import annotations

import logging
import os
from pathlib import Path

OUTPUT_VARIABLE = "AZUREML_BI_OUTPUT_PATH"
"""Where Azure ML tells a batch script the folder for files that it writes itself."""


class EntryScript:
    """The batch script's own view of its job; every one is the same."""

    @property
    def logger(self) -> logging.Logger:
        """The logger whose lines are shown as the script's own."""
        return logging.getLogger("azmlinfsrv.print")

    @property
    def working_dir(self) -> str:
        """The working directory."""
        return str(Path.cwd())

    @property
    def output_dir(self) -> str:
        """The folder for files that the script writes itself; the working directory where there is none."""
        return os.environ.get(OUTPUT_VARIABLE) or self.working_dir
