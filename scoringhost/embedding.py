"""create_app(), create_asgi_app() and create_function_app(): the host inside somebody else's process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scoringhost import assemble
from scoringhost.errors import SettingsError
from scoringhost.process.cpu_budget import available_cores, limit_threads
from scoringhost.script.world import script_path
from scoringhost.settings import FOUND_MAIN, PREFIX, Settings

if TYPE_CHECKING:
    import azure.functions as func
    import flask

    from scoringhost.doors.asgi.app import AsgiApp
    from scoringhost.engine.engine import Engine
    from scoringhost.engine.site import Site

AUTH_LEVEL = f"{PREFIX}AUTH_LEVEL"


def create_app(
    script: str | None = None, *, environ: Mapping[str, str] | None = None, **settings: object
) -> flask.Flask:
    """A Flask application that serves an entry script: for WSGI servers, embedding and Flask's test client.

    script: the entry script, or a folder with score.py; AZUREML_ENTRY_SCRIPT if not given.
    environ: what settings are read from; if not given `os.environ`, without what a host has set there.
    settings: any field of `scoringhost.settings.Settings`, as `scoring_timeout_ms=5000`.

    init() is run before this returns, on the thread that will call run(). Logging and `sys.stdout`
    are left as they are: they belong to the embedding process. `app.extensions["scoringhost"].close()`
    runs shutdown() before the process ends; every request is a 503 from then on.

    Raises:
        TypeError: if there is no setting of that name.
        StartupError: if a setting or the script cannot be used, or init() fails.
    """
    from scoringhost.doors.wsgi import make_flask_app

    loaded = assemble.settings_of(script, os.environ if environ is None else environ, settings)
    engine = _make_engine(loaded)
    try:
        engine.load()
        return make_flask_app(engine)
    except BaseException:
        engine.at_end.close()
        raise


def create_asgi_app(
    script: str | None = None, *, environ: Mapping[str, str] | None = None, **settings: object
) -> AsgiApp:
    """An ASGI application that serves an entry script: for uvicorn and its like, or mounted in another application.

    script, environ, settings: as for `create_app`.

    Nothing is loaded yet. That happens in the process that serves, on the thread that will call run():
    when the server starts, which waits for init() and does not start if it fails; or, where nobody
    tells the application of the start, when the first request comes. Starlette and FastAPI do not pass
    it on to what they mount, but take `lifespan=app.lifespan`. Below a mount (`root_path`) the paths
    are the same as without one. shutdown() is run when the server stops. Logging and `sys.stdout` are
    left as they are.

    Raises:
        TypeError: if there is no setting of that name.
        SettingsError: if a setting cannot be used.
        ScriptNotFound: if there is no such script.
    """
    from scoringhost.doors.asgi.app import AsgiApp

    loaded = assemble.settings_of(script, os.environ if environ is None else environ, settings)
    script_path(loaded)
    max_body = loaded.max_body_mb * assemble.MIB
    return AsgiApp(partial(_make_engine, loaded), partial(assemble.stand_in, loaded), max_body)


def _make_engine(settings: Settings) -> Engine:
    """An engine that enters the script's world when it is loaded; closing its `at_end` leaves that."""
    from scoringhost.engine.engine import Engine

    world = assemble.world_of(settings)

    def build() -> Site:
        world.enter(os.environ)
        return assemble.build(settings, world=world)

    engine = Engine(build, settings.threads, drain_s=settings.drain_timeout_s)
    engine.at_end.callback(world.leave)
    return engine


def create_function_app(folder: str | Path = ".", *, environ: Mapping[str, str] | None = None) -> func.FunctionApp:
    """An Azure Functions app (Python v2 model) that serves an entry script, for a `function_app.py`.

    folder: the app's; relative paths are taken from there, and its score.py is served unless a
    setting names another script. environ: what settings are read from; `os.environ` if not given.

    Returns at once and never raises for a setting or a script that cannot be used: importing the
    script and init() go on on the scoring thread, and if they fail every request is answered with
    the reason. Logging joins what the worker has set up; `sys.stdout` becomes lines of the log.
    """
    from scoringhost.doors.functions import app as azure_functions

    environ = os.environ if environ is None else environ
    folder = Path(folder).resolve()
    limit_threads(os.environ, _worker_processes(environ), available_cores())
    build: partial[Site]
    try:
        settings, warnings = _settings_of_app(environ, folder)
        build = partial(assemble.build, settings)
        auth_level = settings.auth_level
    except SettingsError as error:
        settings, warnings = Settings(app_root=str(folder)), []
        build = partial(_refuse, error)
        auth_level = _auth_level(environ)
    assemble.prepare_process(settings, os.environ, warnings, joins=True)
    process = azure_functions.FunctionProcess(settings, build, partial(assemble.stand_in, settings))
    app = azure_functions.make_function_app(process, auth_level)
    if settings.jobs:
        from scoringhost.doors.functions.jobs import Jobs, make_blueprint

        jobs = Jobs(process, partial(assemble.http_app, settings), environ.get("AzureWebJobsStorage"))
        app.register_functions(make_blueprint(jobs, auth_level))
    return app


def _settings_of_app(environ: Mapping[str, str], folder: Path) -> tuple[Settings, list[str]]:
    settings, warnings = Settings.load(environ, {}, folder)
    if settings.origins.get("script") in (None, FOUND_MAIN):
        settings, warnings = Settings.load(environ, {"script": ("score.py of the app", str(folder))}, folder)
    return settings, warnings


def _worker_processes(environ: Mapping[str, str]) -> int:
    given = environ.get("FUNCTIONS_WORKER_PROCESS_COUNT", "")
    return max(1, int(given)) if given.isdecimal() else 1


def _auth_level(environ: Mapping[str, str]) -> str:
    """The level that was meant, or one that lets nobody in unasked."""
    given = {AUTH_LEVEL: environ[AUTH_LEVEL]} if AUTH_LEVEL in environ else {}
    try:
        return Settings.load(given, {}, os.sep)[0].auth_level
    except SettingsError:
        return "function"


def _refuse(error: SettingsError) -> Site:
    raise error
