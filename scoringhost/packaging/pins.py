"""The versions that are installed here, for what a package will install; and what nobody would install."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scoringhost.packaging.own_wheel import NAME
from scoringhost.packaging.requirement_lines import requirement_in
from scoringhost.script.distributions import distribution_of

PINNED = "pinned.txt"
"""The name of the file of constraints (https://pip.pypa.io/en/stable/user_guide/#constraints-files)."""
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".sav"})
MOST_BYTES = 1 << 26
"""Of a pickle, that are searched for the modules it needs."""

# A text with its length in front, and the opcode with a module in a line: names of classes are kept so.
_TEXT = re.compile(rb"\x8c(.)([A-Za-z_]\w*(?:\.\w+)+)", re.DOTALL)
_LINE = re.compile(rb"c([A-Za-z_]\w*(?:\.\w+)*)\n\w+\n")


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed here of some requirements and of all that they need.

    versions: by the names of packages. brought: the names of all packages that would be installed, as
    far as they are known here. others: what is installed here in a version that the requirements do not allow.
    """

    versions: dict[str, str] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, lines: Iterable[str]) -> Installed:
        """Follow requirements, and those of scoringhost, through what is installed here."""
        found = cls()
        own = [requirement for line in lines if (requirement := requirement_in(line)) is not None]
        waiting = [*own, Requirement(NAME)]
        seen: set[str] = set()
        while waiting:
            requirement = waiting.pop()
            if str(requirement) in seen:
                continue
            seen.add(str(requirement))
            waiting += found._take(requirement)
        return found

    def _take(self, requirement: Requirement) -> list[Requirement]:
        """Note one requirement; returns those of the package that it names."""
        name = canonicalize_name(requirement.name)
        self.brought.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            return []
        version = Version(distribution.version)
        if not requirement.specifier.contains(version, prereleases=True):
            self.others.append(f"{requirement}, and {version} is installed here")
            self.versions.pop(name, None)
            return []
        if name != NAME and requirement.url is None:
            self.versions[name] = version.public
        return list(_needs(distribution, requirement.extras))

    def pins(self) -> str:
        """The constraints, one a line."""
        return "".join(f"{name}=={version}\n" for name, version in sorted(self.versions.items()))

    def uncovered(self, modules: Iterable[str]) -> list[str]:
        """What brings modules that nothing of this brings, as requirements, or the module if that is not known."""
        packages = _packages()
        found = []
        for module in modules:
            known = distribution_of(module)
            bringing = packages.get(module) or ([known] if known is not None else [])
            if not any(canonicalize_name(package) in self.brought for package in bringing):
                found.append(_described(module, bringing))
        return found


@cache
def _packages() -> Mapping[str, list[str]]:
    """The packages by the uppermost modules that they bring. Every package's list of files is read for that."""
    return importlib.metadata.packages_distributions()


def _needs(distribution: importlib.metadata.Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            requirement.marker = None
            yield requirement


def _described(module: str, packages: list[str]) -> str:
    if not packages:
        return module
    package = packages[0]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        package += f"=={importlib.metadata.version(package)}"
    return package if packages[0].replace("-", "_") == module else f"{package} (imported as {module})"


def modules_in_pickle(path: Path) -> set[str]:
    """The uppermost modules of the classes in a pickle, as far as they are installed here; it is not unpickled."""
    if path.suffix not in PICKLES:
        return set()
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES)
    texts = [text for size, text in _TEXT.findall(content) if len(text) >= size[0]]
    if not texts and not _LINE.search(content):
        return set()
    names = {text.partition(b".")[0].decode() for text in [*texts, *_LINE.findall(content)]}
    return names & _packages().keys()
