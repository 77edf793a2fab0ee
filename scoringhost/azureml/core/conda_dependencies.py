"""What a conda environment file says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scoringhost.azureml.exceptions import UserErrorException
from scoringhost.errors import StartupError
from scoringhost.packaging.output import PackagingError

DEFAULT_PYTHON = "3.11"
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./=<>~!,\[\]+-]*")


def _key(package: str) -> str:
    found = _NAME.match(package)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else package


def _lines(what: str, given: Iterable[str] | str | None) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise UserErrorException(f"{what}: a list of texts is expected, not {given!r}")
    return [one.strip() for one in given]


class CondaDependencies:
    """The packages of an environment: those of conda, and those of pip.

    The order is kept. One package is there once: another version takes the place of the one before.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: Mapping[str, Any] | None = None,
    ) -> None:
        """An environment with azureml-defaults, or the one of a file.

        Raises:
            FileNotFoundError: if there is no such file.
            UserErrorException: if it is no conda file.
        """
        content = _underlying_structure
        if conda_dependencies_file_path is not None:
            content = _read(Path(conda_dependencies_file_path))
        if content is None:
            content = {"dependencies": [f"python={DEFAULT_PYTHON}", {"pip": ["azureml-defaults"]}]}
            content["channels"] = ["conda-forge"]
        self._name = str(content.get("name") or "project_environment")
        self._channels = [str(one) for one in content.get("channels") or []]
        self._conda = [one for one in content.get("dependencies") or [] if isinstance(one, str)]
        pip = [one["pip"] for one in content.get("dependencies") or [] if isinstance(one, Mapping) and "pip" in one]
        self._pip = [str(line) for lines in pip for line in lines or []]

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str = DEFAULT_PYTHON,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """One of these packages; without any of pip's, azureml-defaults.

        Raises:
            UserErrorException: if the packages are no lists of texts.
        """
        made = CondaDependencies()
        made.set_python_version(python_version)
        if pip_packages is not None:
            made._pip = []
        for package in _lines("pip_packages", pip_packages):
            made.add_pip_package(package)
        for package in _lines("conda_packages", conda_packages):
            made.add_conda_package(package)
        if pip_indexurl:
            made.set_pip_index_url(f"--index-url {pip_indexurl}")
        return made

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """Each package once, the last one that was named."""
        return list({_key(one): one for one in requirements}.values())

    # -- what is in it ------------------------------------------------------------------------------

    @property
    def conda_channels(self) -> Sequence[str]:
        """Where conda looks, in order."""
        return tuple(self._channels)

    @property
    def conda_packages(self) -> Sequence[str]:
        """The packages of conda, Python among them."""
        return tuple(self._conda)

    @property
    def pip_packages(self) -> Sequence[str]:
        """The packages of pip."""
        return tuple(one for one in self._pip if not one.startswith("-"))

    @property
    def pip_options(self) -> Sequence[str]:
        """The options of pip, such as --pre."""
        return tuple(one for one in self._pip if one.startswith("-"))

    def get_python_version(self) -> str | None:
        """What is asked for of Python, such as 3.11; None if nothing is."""
        found = next((one for one in self._conda if _key(one) == "python"), None)
        return found.lstrip().removeprefix("python").lstrip("= ") or None if found else None

    # -- changing it --------------------------------------------------------------------------------

    def add_channel(self, channel: str) -> None:
        """Let conda look there, too."""
        if channel not in self._channels:
            self._channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Do not let it look there; nothing happens if it does not."""
        self._channels = [one for one in self._channels if one != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add one of conda's, in the place of another version of it."""
        _put(self._conda, *_lines("conda_package", [conda_package]))

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove one by its name; nothing happens if it is not there."""
        self._conda = [one for one in self._conda if _key(one) != _key(conda_package)]

    def add_pip_package(self, pip_package: str) -> None:
        """Add one of pip's, in the place of another version of it.

        Raises:
            UserErrorException: if it is no text.
        """
        _put(self._pip, *_lines("pip_package", [pip_package]))

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove one by its name; nothing happens if it is not there."""
        self._pip = [one for one in self._pip if one.startswith("-") or _key(one) != _key(pip_package)]

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option of pip's."""
        if pip_option not in self._pip:
            self._pip.append(pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove one; nothing happens if it is not there."""
        self._pip = [one for one in self._pip if one != pip_option]

    def set_pip_index_url(self, index_url: str) -> None:
        """Have pip look there: an address, or the option with it."""
        option = index_url if index_url.startswith("-") else f"--index-url {index_url}"
        word = option.split()[0]
        self._pip = [option, *(one for one in self._pip if not one.startswith(word))]

    def set_pip_requirements(self, pip_requirements: Sequence[str]) -> None:
        """Have these packages of pip's, and no others."""
        options = [one for one in self._pip if one.startswith("-")]
        self._pip = [*options, *_lines("pip_requirements", pip_requirements)]

    def set_python_version(self, version: str) -> None:
        """Ask for this Python."""
        self.add_conda_package(f"python={version}")

    # -- as text ------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """As a value of JSON, in the form of the file."""
        dependencies: list[Any] = list(self._conda)
        if self._pip:
            dependencies.append({"pip": list(self._pip)})
        return {"name": self._name, "dependencies": dependencies, "channels": list(self._channels)}

    def serialize_to_string(self) -> str:
        """The text of the file, in YAML."""
        lines = [f"name: {_scalar(self._name)}", "channels:", *(f"- {_scalar(one)}" for one in self._channels)]
        lines += ["dependencies:", *(f"- {_scalar(one)}" for one in self._conda)]
        if self._pip:
            lines += ["- pip:", *(f"  - {_scalar(one)}" for one in self._pip)]
        return "\n".join(lines) + "\n"

    def save(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write the file, conda_dependencies.yml if nothing is said; returns its path."""
        target = Path(path or "conda_dependencies.yml")
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(target)

    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write the file below a folder; returns its path below it."""
        name = conda_file_path or "conda_dependencies.yml"
        self.save(Path(base_directory) / name)
        return name

    def __repr__(self) -> str:
        return self.serialize_to_string()


def _put(packages: list[str], package: str) -> None:
    """Add one, at the place of the one of its name."""
    for at, one in enumerate(packages):
        if not one.startswith("-") and _key(one) == _key(package):
            packages[at] = package
            return
    packages.append(package)


def _scalar(text: str) -> str:
    """As YAML has it; a text in quotes is the same in JSON."""
    import json

    return text if _PLAIN.fullmatch(text) and not text.replace(".", "").isdigit() else json.dumps(text)


def _read(path: Path) -> Mapping[str, Any]:
    from scoringhost.packaging.environment import conda_file

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return conda_file(path)
    except (PackagingError, StartupError) as problem:
        raise UserErrorException(str(problem), problem) from problem
