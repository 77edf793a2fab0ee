"""The scoringhost that is running, as other environments get it: the same version, and the same code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shlex
from collections.abc import Collection
from pathlib import Path

from scoringhost._version import __version__
from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.probe import PACKAGE, code_digest
from scoringhost.fleet.environments.pythons import Probed
from scoringhost.packaging.own_wheel import own_wheel

FOLDER = Path(__file__).parents[2]


def own_code() -> str:
    """A digest of our own modules, as `probe` has it for others."""
    return code_digest(str(FOLDER))


def own_content() -> str:
    """A digest of all that decides what is installed with us: our modules, and our metadata with what we need."""
    try:
        metadata = importlib.metadata.distribution(PACKAGE).read_text("METADATA") or ""
    except importlib.metadata.PackageNotFoundError:
        metadata = ""
    return hashlib.sha256(f"{own_code()} {metadata}".encode()).hexdigest()


def write_own_wheel(folder: Path) -> Path:
    """Write a wheel of the scoringhost that is running into a folder; also of one that was installed to be edited.

    Raises:
        EnvironmentFailed: if it is only importable here, so that nobody knows what it needs.
    """
    wheel = own_wheel()
    if wheel is None:
        raise EnvironmentFailed("scoringhost is not installed here, only importable; install it: pip install FOLDER")
    path = folder / wheel[0]
    path.write_bytes(wheel[1])
    return path


def own_requirement(wheel: Path, extras: Collection[str], *, with_hash: bool) -> str:
    """The line of a requirements.txt that installs a wheel of ours."""
    wanted = f"{PACKAGE}[{','.join(sorted(extras))}]" if extras else PACKAGE
    line = f"{wanted} @ {wheel.as_uri()}"
    if with_hash:
        line += f" --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    return line


def require_own_code(probed: Probed, cache: Path) -> None:
    """Refuse an interpreter of the user's that lacks us, or has another scoringhost than the one that is running.

    Fleet and replicas talk to each other in words of one version.

    Raises:
        EnvironmentFailed: with the command that puts it right; the wheel for that is kept in the cache.
    """
    if probed.code == own_code():
        return
    found = probed.installed.get(PACKAGE)
    if probed.code is None:
        problem = "has no scoringhost"
    elif found == __version__:
        problem = f"has another scoringhost {found} than the one that is running"
    else:
        problem = f"has scoringhost {found or 'of an unknown version'}, and not {__version__}, which is running"
    folder = cache / "wheels" / own_content()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    wheel = shlex.quote(str(write_own_wheel(folder)))
    python = shlex.quote(str(probed.python))
    # Without --force-reinstall pip would be content with another wheel of the same version.
    first = f"{python} -m pip install" if probed.has_pip else f"uv pip install --python {python}"
    command = f"{first} {wheel}"
    if probed.code is not None:
        command = f"{first} {'--force-reinstall' if probed.has_pip else '--reinstall-package scoringhost'} {wheel}"
    raise EnvironmentFailed(f"{probed.python} {problem}; run: {command}")
