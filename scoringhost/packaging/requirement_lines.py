"""Lines of a requirements.txt, as pip reads them."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s+--?[a-z].*$")
"""What pip takes behind a requirement beyond PEP 508, such as `--hash=sha256:...`."""


def package_named(line: str) -> str:
    """The package that a line asks for by its name, normalised (PEP 503): `Flask[async]>=3  # why` is `flask`.

    Returns "" for a line that names none: an option, a path, a URL, a comment, and what pip would refuse.
    """
    requirement = requirement_in(line)
    return canonicalize_name(requirement.name) if requirement is not None else ""


def requirement_in(line: str) -> Requirement | None:
    """What a line asks for, without what pip takes beyond PEP 508; None as `package_named` has it."""
    text = _COMMENT.sub("", line)
    text = _OPTIONS.sub("", text).rstrip("\\ \t")
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def merged_requirements(base: str, own: str) -> str:
    """Requirements of the target and of the script; a package that both name is as the script wants it."""
    named = {package_named(line) for line in own.splitlines()} - {""}
    kept = [line for line in base.splitlines() if package_named(line) not in named]
    return "\n".join([*kept, *own.rstrip().splitlines()]).rstrip() + "\n"
