"""create_app(): the host inside somebody else's process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scoringhost import assemble
from scoringhost.settings import SPECS, Settings

if TYPE_CHECKING:
    import flask


def create_app(
    script: str | None = None, *, environ: Mapping[str, str] | None = None, **settings: object
) -> flask.Flask:
    """A Flask application that serves an entry script: for WSGI servers, embedding and Flask's test client.

    script: the entry script, or a folder with score.py; AZUREML_ENTRY_SCRIPT if not given.
    environ: what settings are read from; `os.environ` if not given.
    settings: any field of `scoringhost.settings.Settings`, as `scoring_timeout_ms=5000`.

    init() is run before this returns, on the thread that will call run(). Logging and `sys.stdout`
    are left as they are: they belong to the embedding process.

    Raises:
        TypeError: if there is no setting of that name.
        StartupError: if a setting or the script cannot be used, or init() fails.
    """
    from scoringhost.transports.flask_app import make_flask_app

    unknown = sorted(set(settings) - set(SPECS))
    if unknown:
        raise TypeError(f"create_app() knows no setting {', '.join(unknown)}")
    flags: dict[str, tuple[str, object]] = {name: (name, value) for name, value in settings.items()}
    if script is not None:
        flags["script"] = ("script", script)
    loaded, _ = Settings.load(os.environ if environ is None else environ, flags, os.getcwd())
    assemble.prepare_script(loaded, os.environ)
    return make_flask_app(assemble.build(loaded))
