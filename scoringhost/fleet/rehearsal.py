"""Rehearsal: a template does once what each replica set does, with a script of our own, and throws it away.

What remains is what Python and its libraries keep for the next time: compiled patterns (the routes' alone take a
third of a start), abstract base classes that have been asked, bytecode that is specialised. Replica sets share it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from scoringhost import assemble
from scoringhost.doors.server.gunicorn_arguments import GunicornArguments
from scoringhost.doors.server.gunicorn_server import Server
from scoringhost.script.loading import EntryScript
from scoringhost.script.world import ScriptWorld
from scoringhost.settings import Settings


def init() -> None:
    """The script's; there is nothing to load."""


def run(data: Any) -> Any:
    """The script's, which is never called."""
    return data


def rehearse() -> None:
    """Gather settings, and put together what would be served. Changes nothing that a script could see."""
    # By name, as a script is given: nothing of the environment or the working directory counts.
    settings, _ = Settings.load({}, {"script": ("script", __file__)}, Path(__file__).parent)
    script = EntryScript(Path(__file__), sys.modules[__name__], init, _declared(), None)
    world = ScriptWorld(settings, None, lambda path, framework: script)
    site = assemble.build(settings, world=world)
    Server(settings, lambda: site, lambda error: site.app, GunicornArguments())


def _declared() -> Any:
    """run() as most scripts declare it, if the packages for that are there."""
    numpy: Any = sys.modules.get("numpy")  # which the template has imported, if it is there
    if numpy is None:
        return run
    try:
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema, output_schema
    except ImportError:
        return run
    kind = NumpyParameterType(numpy.array([[0.5]]))
    return input_schema("data", kind)(output_schema(kind)(run))
