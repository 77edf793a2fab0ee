"""ScriptWorld: what one entry script finds in its process, put there and taken away in one place.

Azure ML promises a script environment variables, folders on the import path, import names, a model
folder and, in a batch, a command line. All of this belongs to the whole process, which may hold
several scripts one after the other or at once; so a world notes what it changes, and takes back what
nobody else needs and nobody else has changed.

    enter -> load -> (init() is run) -> settle -> leave
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.process.environment import Loan, lend
from scoringhost.script.azureml_names import install_import_shims
from scoringhost.script.imports import make_importable
from scoringhost.script.loading import EntryScript, require_file
from scoringhost.script.stand_ins.finder import lend_stand_ins
from scoringhost.settings import Settings
from scoringhost.settings.served import MLSERVER, folder_of, is_model_folder


class ScriptWorld:
    """The world of the entry script that some settings name."""

    def __init__(
        self,
        settings: Settings,
        arguments: Sequence[str] | None = None,
        load: Callable[[Path, str | None], EntryScript] | None = None,
    ) -> None:
        """Change nothing yet.

        arguments: what the script finds in `sys.argv` after its own path, if it is to. load: makes an entry script of
        what is served, given its path and the setting `framework`; without it only a Python file can be served.
        """
        self._settings, self._arguments = settings, arguments
        self._load = load or _load_script
        self._leaving = contextlib.ExitStack()
        self._environment: Loan | None = None
        self._loaded: EntryScript | None = None

    # -- where things are -----------------------------------------------------------------------

    @property
    def script(self) -> Path:
        """The entry script's file.

        Raises:
            SettingsError: if none is given.
            ScriptNotFound: if it is not there.
        """
        return script_path(self._settings)

    @property
    def model_dir(self) -> Path | None:
        """The model folder, if there is one."""
        return Path(self._settings.model_dir) if self._settings.model_dir else None

    @property
    def app_root(self) -> Path:
        """The folder that is put on the import path."""
        return Path(self._settings.app_root or ".")

    @property
    def script_folder(self) -> Path | None:
        """The folder of the script, whose loggers are shown as its own; None without a script."""
        return folder_of(Path(self._settings.script)) if self._settings.script else None

    @property
    def folders(self) -> list[Path]:
        """Where the user may have put files for the host, as logging.json; the first one counts."""
        beside = self.script_folder
        return [self.app_root] if beside is None else [self.app_root, beside]

    # -- life -----------------------------------------------------------------------------------

    def enter(self, environ: MutableMapping[str, str]) -> None:
        """Put everything there but the script's own modules; `environ` is the environment of the process.

        A process that serves nothing else never leaves.
        """
        self._environment = lend(environ, self._settings.script_environment())
        self._leaving.callback(self._environment.take_back)
        importable = [self.app_root]
        if self._settings.source_directory:
            importable.append(self.app_root / self._settings.source_directory)
        for folder in importable:
            self._leaving.callback(make_importable(folder, last=True))
        if self._arguments is not None:
            self._leaving.callback(sys.argv.__setitem__, slice(None), list(sys.argv))
            sys.argv[:] = [str(self.script), *self._arguments]
        install_import_shims()  # for good: every script of the process may need them
        self._leaving.callback(lend_stand_ins())

    def load(self) -> EntryScript:
        """Import the script, unless it is loaded; `unload` or `leave` forgets its modules.

        Raises:
            StartupError: if there is no script, or it cannot be served.
        """
        if self._loaded is not None:
            return self._loaded
        self._loaded = self._load(self.script, self._settings.framework)
        self._leaving.callback(self.unload)
        return self._loaded

    def unload(self) -> None:
        """Forget the script's modules, if it is loaded; what still refers to them keeps working."""
        if self._loaded is not None:
            self._loaded.unload()
            self._loaded = None

    def settle(self) -> None:
        """init() is over: what it has changed in the environment is the script's, and is taken back, too."""
        if self._environment is not None:
            self._environment.settle()

    def leave(self) -> None:
        """Take everything back, the newest first."""
        self._leaving.close()
        self._environment = None


def _load_script(path: Path, framework: str | None) -> EntryScript:
    return EntryScript.load(path)


def script_path(settings: Settings) -> Path:
    """The entry script that the settings name.

    Raises:
        SettingsError: if none is given.
        ScriptNotFound: if it is not there.
    """
    if settings.script is None:
        why = (
            "name an entry script: scoringhost serve score.py, --entry_script, AZUREML_ENTRY_SCRIPT, or the same name "
            f"in the configuration file (--config_file); there is no main.py in {settings.app_root}, either"
        )
        raise SettingsError("script", None, why)
    path = Path(settings.script)
    is_described_elsewhere = settings.framework == MLSERVER and path.is_dir()  # in the environment
    if not is_described_elsewhere and not is_model_folder(path):
        require_file(path)
    return path
