"""Gathering the settings from flags, environment and configuration file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from scoringhost.errors import SettingsError
from scoringhost.process.environment import users_own
from scoringhost.settings.addresses import holds_password
from scoringhost.settings.declaration import OTHERS, PREFIX, Spec
from scoringhost.settings.fleet_folder import is_fleet
from scoringhost.settings.mlserver_files import (
    IMPLEMENTATION,
    MODEL_FILE,
    is_model_settings,
    read_model_settings,
    read_server_settings,
)
from scoringhost.settings.mlserver_keys import MODEL, SERVER, batching_from, kafka_from, settings_from
from scoringhost.settings.secret import Secret
from scoringhost.settings.served import MLSERVER, folder_of, is_model_folder, model_in, served_at

_MAIN_FILE = "main.py"
FOUND_MAIN = "found in the app root"
"""The origin of a script that nobody has named."""
A_FILE, NO_FOLDER = "it is a file; name the folder that holds it", "there is no such folder"
"""What is wrong with a model folder."""

_LENIENT = frozenset({"log_level", "app_insights_enabled", "app_insights_key", "app_insights_responses"})
_DONE_BY_A_FLEET = ("load_models_at_startup", "model_repository", "environments_dir")
"""Of MLServer's settings those that mean nothing to one service, but something to many."""
# azmlinfsrv's names that mean nothing here; they are no mistake of the user's.
_IGNORED_KEYS = frozenset({"WORKSPACE_NAME", "HOSTNAME"})


def _converted(kind: click.ParamType[Any], value: object) -> Any:
    """A value as its setting's type, from text or from the JSON value of that very type.

    Raises:
        click.BadParameter: if it is neither.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is click.STRING:
        fits = isinstance(value, str) or is_number
    elif kind is click.BOOL:
        fits = isinstance(value, (str, bool))
    elif isinstance(kind, click.FloatRange):
        fits = isinstance(value, str) or is_number
    else:
        fits = isinstance(value, str) or (isinstance(value, int) and is_number)
    if not fits:
        raise click.BadParameter(f"a {type(value).__name__} is not a valid {kind.name}")
    return kind.convert(value, None, None)


def _is_of_workspace(content: Mapping[str, object]) -> bool:
    """Whether a config.json is what Azure ML's SDK finds its workspace by, in either form of it.

    It lies beside very many scripts, where a configuration of ours would: its keys are no mistakes.
    """
    return "subscription_id" in content or {"Id", "Scope"} <= content.keys()


class Gathering:
    """One pass over flags, environment and file: the values by name, where each came from, and what to warn of."""

    def __init__(
        self,
        environ: Mapping[str, str],
        flags: Mapping[str, tuple[str, object]],
        here: Path,
        specs: Mapping[str, Spec],
        takes_fleets: bool,
    ) -> None:
        self.environ, self.flags, self.here, self.specs = environ, flags, here, specs
        self._takes_fleets = takes_fleets
        self.warnings: list[str] = []
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.unread: list[tuple[str, str | None]] = []

    def run(self) -> None:
        """Gather everything.

        Raises:
            SettingsError: if a value cannot be used, or a named configuration file cannot be read.
        """
        for name in self.specs:
            flag, value = self.flags.get(name, ("", None))
            if value is not None:
                self._put(name, value, f"flag {flag}", flag)
            else:
                self._take_environment(name)
        self._make_app_root_absolute()
        self._take_file()
        self._make_app_root_absolute()
        self._warn_of_unknown_environment()
        self._resolve_paths()
        self._take_mlservers()
        if "host" in self.values:  # an IPv6 address may be written as in a URL
            self.values["host"] = self.values["host"].removeprefix("[").removesuffix("]")

    def _take_environment(self, name: str) -> None:
        for key in (PREFIX + name.upper(), *self.specs[name].azure):
            value = self.environ.get(key)
            if value:
                self._put(name, value, f"environment {key}", key)
                return

    def _make_app_root_absolute(self) -> None:
        self.values["app_root"] = self._absolute(self.values.get("app_root") or str(self.here), self.here)

    def _put(self, name: str, value: object, origin: str, key: str, file: Path | None = None) -> None:
        """Take a value, given by the flag, variable or key `key`; in `file`, if it is of one."""
        spec = self.specs[name]
        shown = key if file is None else f"{key} in {file}"
        # From here on a secret is never a bare text: neither the setting nor a message about it can show it.
        safe = Secret(str(value)) if spec.secret else value
        try:
            converted = _converted(spec.type, value)
        except click.BadParameter as problem:
            why = f"a {type(value).__name__} that is no {spec.type.name}" if spec.secret else problem.message
            # azmlinfsrv takes whatever is not "true" for false, so such words are in use.
            is_switch_of_azure = spec.type is click.BOOL and key in spec.azure
            if name not in _LENIENT and not is_switch_of_azure:
                raise SettingsError(shown, safe, why) from None
            self.warnings.append(f"{shown}={safe!r} is ignored: {why}")
            return
        self.values[name] = Secret(converted) if spec.secret else converted
        self.origins[name] = origin

    # -- the configuration file ---------------------------------------------------------------

    def _take_file(self) -> None:
        path, named = self._find_file()
        if path is None:
            return
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows begin with a mark
            if not isinstance(content, dict):
                raise ValueError("it must hold a JSON object")
        except (OSError, ValueError, RecursionError) as problem:
            why = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
            if named:
                raise SettingsError("config_file", str(path), f"cannot be used: {why}") from None
            self.warnings.append(f"{path} is ignored: {why}")
            return
        self._take_content(content, path)

    def _find_file(self) -> tuple[Path | None, bool]:
        named = self.values.get("config_file")
        if named:
            path = Path(self._absolute(named, self.here))
            if not os.path.isfile(path):
                raise SettingsError("config_file", named, "no such file")
            return path, True
        folders = [Path(self.values["app_root"])]
        if self.values.get("script"):
            script = self._script()
            folder = folder_of(script)
            if not is_model_folder(folder):  # where a config.json is the model's own
                folders.append(folder)
        for folder in folders:
            path = folder / "config.json"
            if os.path.isfile(path) and path.stat().st_size:
                return path, False
        return None, False

    def _take_content(self, content: dict[str, object], path: Path) -> None:
        keys = {key: name for name in self.specs for key in (name, PREFIX + name.upper(), *self.specs[name].azure)}
        unknown = sorted(key for key in content if key not in keys and key not in _IGNORED_KEYS)
        if unknown and not _is_of_workspace(content):
            self.warnings.append(f"{path}: unknown keys are ignored: {', '.join(unknown)}")
            self.unread += [(key, str(path)) for key in unknown]
        for key, value in content.items():
            name = keys.get(key)
            if name is not None and name not in self.origins and value is not None:
                self._put(name, value, f"file {path}", key, path)

    # -- MLServer's files and variables ---------------------------------------------------------

    def _take_mlservers(self) -> None:
        """Of a model that has settings of MLServer's, with or without a score.py: those that stand for ours."""
        script = self.values.get("script")
        if not script:
            return
        served = Path(script)
        folder = folder_of(served)
        if self.values.get("fleet"):
            self._take_mlservers_server(folder)
            return
        beside = served if is_model_settings(served) else folder / MODEL_FILE
        is_in_environment = bool(self.environ.get(IMPLEMENTATION)) and not os.path.exists(served)
        if is_in_environment:
            self.values["script"] = str(folder)
            self.values["framework"], self.origins["framework"] = MLSERVER, f"environment {IMPLEMENTATION}"
        elif not os.path.isfile(beside):
            return
        model = read_model_settings(folder if is_in_environment else beside, self.environ)
        server = read_server_settings(folder, self.here, self.environ)
        found = settings_from(SERVER, server) | kafka_from(server)
        found |= settings_from(MODEL, model) | batching_from(model)
        for name, (value, origin, key) in found.items():
            if name not in self.origins and name in self.specs:
                self._put(name, value, origin, key)
        self.warnings += model.warnings + server.warnings

    def _take_mlservers_server(self, folder: Path) -> None:
        """Of a fleet the settings of MLServer's server alone: each of its models has its own."""
        server = read_server_settings(folder, self.here, self.environ)
        found = settings_from(SERVER, server) | kafka_from(server)
        if "load_models_at_startup" in server.values:
            found["load_services"] = (
                server.values["load_models_at_startup"],
                server.origins["load_models_at_startup"],
                "load_models_at_startup",
            )
        for name, (value, origin, key) in found.items():
            if name not in self.origins and name in self.specs:
                self._put(name, value, origin, key)
        self.warnings += [line for line in server.warnings if not line.startswith(_DONE_BY_A_FLEET)]

    # -- finishing ----------------------------------------------------------------------------

    def _warn_of_unknown_environment(self) -> None:
        known = OTHERS | {PREFIX + name.upper() for name in self.specs}
        unknown = sorted(key for key in self.environ if key.startswith(PREFIX) and key not in known)
        if unknown:
            self.warnings.append(f"unknown environment variables are ignored: {', '.join(unknown)}")
            self.unread += [(key, None) for key in unknown]

    def _script(self) -> Path:
        """The script as given: by a flag from the working directory, otherwise from the app root."""
        root = self.here if self.origins["script"].startswith("flag") else Path(self.values["app_root"])
        return Path(self._absolute(self.values["script"], root))

    def _find_script(self) -> None:
        """Without a script azmlinfsrv imports `main`, which it finds in the app root.

        Without that, either, Azure ML serves the model in the model folder.
        """
        main = Path(self.values["app_root"]) / _MAIN_FILE
        if os.path.isfile(main):
            self.values["script"], self.origins["script"] = str(main), FOUND_MAIN
            return
        model = model_in(self.values.get("model_dir") or "")
        if model is not None:
            self.values["script"], self.origins["script"] = str(model), "found in the model folder"

    def _absolute(self, path: str, base: Path) -> str:
        # Path.expanduser() raises for a user that there is not; this leaves the path, which is not found then.
        return os.path.abspath(base / os.path.expanduser(path))

    def _resolve_paths(self) -> None:
        given = self.values.get("model_dir")
        for name in ("model_dir", "keys_file", "collect_to", "record_failures"):
            if self.values.get(name) and "://" not in self.values[name]:
                self.values[name] = self._absolute(self.values[name], self.here)
        if holds_password(self.values.get("collect_to") or ""):
            why = "it is shown in the log, so it must hold no password; fsspec reads those from its own configuration"
            raise SettingsError("collect_to", None, why)
        if given:
            self._require_folder(given, self.values["model_dir"])
        if not self.values.get("script"):
            self._find_script()
        if not self.values.get("script"):
            return
        given_path = self._script()
        if self._takes_fleets and self._is_fleet(given_path):
            self.values["script"], self.values["fleet"] = str(given_path), True
            self.origins.setdefault("fleet", "the folder")
        else:
            self._resolve_script(given_path)

    def _resolve_script(self, given: Path) -> None:
        script = served_at(given)
        self.values["script"] = str(script)
        beside = folder_of(script) / "model"
        if not self.values.get("model_dir") and os.path.isdir(beside):
            self.values["model_dir"] = str(beside)
            self.origins["model_dir"] = "found beside the script"

    def _is_fleet(self, path: Path) -> bool:
        if self.values.get("fleet"):
            if not os.path.isdir(path):
                raise SettingsError("fleet", str(path), "it is no folder; a fleet is a folder of services")
            return True
        return "fleet" not in self.values and is_fleet(path)

    def _require_folder(self, given: str, path: str) -> None:
        """Refuse a model folder that was typed and is not there.

        What the environment or a file names may be made by the script, and is only warned of.
        """
        if os.path.isdir(path):
            return
        origin = self.origins["model_dir"]
        reason = A_FILE if os.path.isfile(path) else NO_FOLDER
        if origin.startswith("flag "):
            raise SettingsError(origin.removeprefix("flag "), given, reason)
        self.warnings.append(f"{origin.partition(' ')[2]}={given!r}: {reason}")


def gather(
    environ: Mapping[str, str],
    flags: Mapping[str, tuple[str, object]],
    here: Path,
    specs: Mapping[str, Spec],
    takes_fleets: bool = False,
) -> Gathering:
    """What flags, environment and file say of the settings in `specs`; relative paths are taken from `here`.

    `takes_fleets`: whether the script may be a folder of several services, which is then left as it is.

    Raises:
        SettingsError: if a value cannot be used, or a named configuration file cannot be read.
    """
    gathering = Gathering(users_own(environ), flags, here, specs, takes_fleets)
    gathering.run()
    return gathering
