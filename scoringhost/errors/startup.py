"""What keeps a service from starting; everybody imports it from `scoringhost.errors`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from scoringhost.errors.base import ScoringHostError


class StartupError(ScoringHostError):
    """The service cannot start."""


class SettingsError(StartupError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        shown = repr(value)
        needs_no_value = value is None or shown in reason
        super().__init__(f"{name}: {reason.rstrip('.')}" if needs_no_value else f"{name}: {reason} (it is {shown})")
        self.name, self.value, self.reason = name, value, reason


class ScriptNotFound(StartupError):
    """There is no entry script at that path."""

    def __init__(self, path: str, hint: str = "") -> None:
        super().__init__(f"No such file or directory: {path!r}.{' ' + hint if hint else ''}")
        self.path, self.hint = path, hint


class ScriptImportFailed(StartupError):
    """Importing the entry script raised; `traceback` holds the user's frames only."""

    def __init__(self, path: str, advice: str, traceback: str) -> None:
        super().__init__(f"{path} could not be imported. {advice}")
        self.path, self.advice, self.traceback = path, advice, traceback


class ScriptUnservable(StartupError):
    """The entry script was imported, but what it defines cannot be served."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class InitFailed(StartupError):
    """init() raised; `traceback` holds the user's frames only, `listing` the model folder, `advice` what is missing."""

    def __init__(
        self, path: str, cause: BaseException, traceback: str, listing: Sequence[str] = (), advice: str = ""
    ) -> None:
        what = f"init() of {path} raised {type(cause).__name__}; correct it and start again."
        super().__init__(f"{what} {advice}" if advice else what)
        self.path, self.traceback, self.listing, self.advice = path, traceback, tuple(listing), advice


class PortInUse(StartupError):
    """Another process listens on the port."""

    def __init__(self, host: str, port: int, setting: str = "port") -> None:
        flag = f"--{setting.replace('_', '-')}"
        super().__init__(f"port {port} of {host} is in use; stop what listens there, or choose another with {flag}")
        self.host, self.port = host, port


class MissingExtra(StartupError):
    """An optional dependency is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed; run: {pip_install(extra, module)}")
        self.module, self.extra = module, extra


def pip_install(extra: str, module: str) -> str:
    """The command that installs an optional part, by the names of its packages.

    `pip install 'scoringhost[extra]'` would ask an index for scoringhost, which may have come from anywhere: a
    checkout, a wheel, a private index. `module` is what is missing, if our own metadata cannot be read.
    """
    import importlib.metadata  # 15 ms, for what hardly ever happens

    try:
        declared = importlib.metadata.requires("scoringhost") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []
    wanted = re.compile(rf"\bextra *== *['\"]{re.escape(extra)}['\"]")
    packages = [line.partition(";")[0].strip() for line in declared if wanted.search(line)]
    return "pip install " + " ".join(shlex.quote(package) for package in packages or [module])
