"""What an environment asks for, beside what is installed here."""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Iterator

from scoringhost.azureml.core.conda_dependencies import CondaDependencies


class PackagesDiffer(UserWarning):
    """A service runs without a package that its environment asks for, or with another version."""


def warn_of_missing_packages(packages: CondaDependencies) -> None:
    """Warn, in one sentence, of all that is missing or of another version.

    They are not installed: a service is a process of the Python that deploys it. Whether the script needs them is
    known when it imports them.
    """
    found = list(differences(packages))
    if found:
        warnings.warn(f"the service runs in this Python, where {'; '.join(found)}", PackagesDiffer, stacklevel=5)


def differences(packages: CondaDependencies) -> Iterator[str]:
    """What is missing, or of another version."""
    from packaging.requirements import InvalidRequirement, Requirement

    from scoringhost.packaging.environment import STOOD_IN_FOR

    for line in _lines(packages):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue  # a path or an address, which has no name to look for
        if wanted.name.lower() in STOOD_IN_FOR or (wanted.marker is not None and not wanted.marker.evaluate()):
            continue
        try:
            there = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{wanted.name} is not installed"
            continue
        if not wanted.specifier.contains(there, prereleases=True):
            yield f"{wanted.name} is {there} and not {wanted.specifier}"


def _lines(packages: CondaDependencies) -> Iterator[str]:
    """What is asked for, as pip writes it; of conda's packages only those that Python could import."""
    from scoringhost.packaging.environment import NOT_FOR_PIP, OTHER_NAMES, split_conda
    from scoringhost.packaging.output import PackagingError

    for entry in packages.conda_packages:
        try:
            name, version = split_conda(entry)
        except PackagingError:
            continue
        if name not in NOT_FOR_PIP and name not in ("python", "pip", "setuptools", "wheel"):
            yield OTHER_NAMES.get(name, name) + version
    yield from packages.pip_packages
