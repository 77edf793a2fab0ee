"""What an interpreter is, and whether it has scoringhost: run as a program by the interpreter in question.

So Pythons that are too old for scoringhost must understand it as well, in order to be told so: nothing here is newer
than Python 3.6.
"""

import hashlib
import importlib.util
import json
import os
import sys

PACKAGE = "scoringhost"
PYTHON_MIN = (3, 11)


def code_digest(package: str) -> str:
    """Returns a digest of our modules in that folder: the same for the same code, wherever and however installed.

    Folders in packaging/ are left out: they are in a wheel, and not in a checkout.
    """
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(package):
        if folder == os.path.join(package, "packaging"):
            folders.clear()
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                digest.update(os.path.relpath(path, package).encode() + b"\0")
                with open(path, "rb") as stream:
                    digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()


def described() -> "dict[str, object]":
    """Returns all that is asked for, as values of JSON."""
    found: dict[str, object] = {
        "version": list(sys.version_info[:3]),
        "prefix": sys.prefix,
        "base": getattr(sys, "_base_executable", sys.executable),
        "has_pip": importlib.util.find_spec("pip") is not None,
    }
    if sys.version_info < PYTHON_MIN:
        return found
    from importlib.metadata import distributions

    found["installed"] = {one.metadata["Name"]: one.version for one in distributions() if one.metadata["Name"]}
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        found["code"] = code_digest(os.path.dirname(spec.origin))
    return found


if __name__ == "__main__":
    print(json.dumps(described()))  # noqa: T201 - whoever has started it reads this
