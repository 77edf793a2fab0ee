"""MLServer's Python surface: what a runtime that was written for it imports.

`scoringhost.runtimes` has the names of this package; and entry scripts and runtimes that say `import mlserver` get it,
where that package is not installed (`script/stand_ins`).
"""

from __future__ import annotations

from scoringhost._version import __version__
from scoringhost.runtimes.mlserver import codecs, errors, handlers, metrics, types
from scoringhost.runtimes.mlserver.metrics import log, register
from scoringhost.runtimes.mlserver.model import MLModel
from scoringhost.runtimes.mlserver.settings import ModelParameters, ModelSettings, Settings

__all__ = [
    "MLModel",
    "ModelParameters",
    "ModelSettings",
    "Settings",
    "__version__",
    "codecs",
    "errors",
    "handlers",
    "log",
    "metrics",
    "register",
    "types",
]
