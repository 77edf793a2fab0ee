"""scoringhost serves a score.py: init() loads the model, run() scores.

The names of this module are what entry scripts and embedding programs use. They are imported when
first asked for, so that `import scoringhost` is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scoringhost._version import __version__

if TYPE_CHECKING:
    from scoringhost.embedding import create_app, create_asgi_app, create_function_app
    from scoringhost.schema.as_json import as_json
    from scoringhost.script.flask_objects import Request, Response
    from scoringhost.script.signature import rawhttp, typed

__all__ = [
    "Request",
    "Response",
    "__version__",
    "as_json",
    "create_app",
    "create_asgi_app",
    "create_function_app",
    "rawhttp",
    "typed",
]

_HOMES = {
    "Request": "scoringhost.script.flask_objects",
    "Response": "scoringhost.script.flask_objects",
    "as_json": "scoringhost.schema.as_json",
    "create_app": "scoringhost.embedding",
    "create_asgi_app": "scoringhost.embedding",
    "create_function_app": "scoringhost.embedding",
    "rawhttp": "scoringhost.script.signature",
    "typed": "scoringhost.script.signature",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'scoringhost' has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(home), name)
    globals()[name] = found
    return found
