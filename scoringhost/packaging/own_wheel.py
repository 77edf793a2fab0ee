"""A wheel of the scoringhost that is running, made of what is installed; no index need have a package of that name.

Only what is installed is packed again (https://packaging.python.org/specifications/binary-distribution-format/):
nothing is built, so that no compiler, no network and no checkout is needed.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from scoringhost.packaging.output import Output, PackagingError

NAME = "scoringhost"
MOMENT = (2020, 1, 1, 0, 0, 0)
"""Of every file in the wheel, so that the same files give the same wheel."""
LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})
"""What installers note about an installation."""


@cache
def own_wheel() -> tuple[str, bytes] | None:
    """The file name and the content of a wheel of this scoringhost; None if it is not installed, only importable."""
    try:
        distribution = importlib.metadata.distribution(NAME)
    except importlib.metadata.PackageNotFoundError:
        return None
    info = f"{NAME}-{distribution.version}.dist-info"
    files = _installed_files(distribution, info)
    tags = [line for line in (distribution.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")]
    if not tags or f"{info}/METADATA" not in files:
        return None
    record = "".join(f"{name},{_digest(content)},{len(content)}\n" for name, content in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, MOMENT), content, zipfile.ZIP_DEFLATED)
    return f"{NAME}-{distribution.version}-{tags[0].removeprefix('Tag: ')}.whl", packed.getvalue()


def own_requirement(extras: Sequence[str]) -> str:
    """scoringhost with optional parts, as a requirement by its name."""
    return NAME + _in_brackets(extras)


def _in_brackets(extras: Sequence[str]) -> str:
    return f"[{','.join(extras)}]" if extras else ""


def write_wheel(
    output: Output, folder: str, wheel: Path | None, *, from_index: bool, extras: Sequence[str] = ()
) -> str:
    """Write the wheel of scoringhost that a package carries into a folder of it; returns the requirement for it.

    `wheel`: in place of one of the scoringhost that is running. `from_index`: write none. `extras`: its optional parts
    that are wanted.

    Raises:
        PackagingError: if it is only importable here, and not installed.
    """
    if wheel is not None:
        output.copy(wheel, folder + wheel.name)
        return f"./{wheel.name}{_in_brackets(extras)}\n"
    if from_index:
        return f"{own_requirement(extras)}\n"
    own = own_wheel()
    if own is None:
        raise PackagingError(f"{NAME} is not installed here, so there is nothing to carry along; name a wheel: --wheel")
    output.write_bytes(folder + own[0], own[1])
    return f"./{own[0]}{_in_brackets(extras)}\n"


def _installed_files(distribution: importlib.metadata.Distribution, info: str) -> dict[str, bytes]:
    """The files by their names in the wheel: those that were installed, and the package as it is imported here.

    The second are others where it was installed to be edited.
    """
    files: dict[str, bytes] = {}
    for file in distribution.files or ():
        top, name = file.parts[0], file.as_posix()
        place = Path(str(distribution.locate_file(file)))
        is_wanted = top == NAME or (top == info and file.parts[-1] not in LEFT_OUT)
        if is_wanted and "__pycache__" not in file.parts and place.is_file():
            files[name] = place.read_bytes()
    package = Path(__file__).parents[1]
    for place in sorted(package.rglob("*")):
        if place.is_file() and "__pycache__" not in place.parts:
            files[f"{NAME}/{place.relative_to(package).as_posix()}"] = place.read_bytes()
    return files


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
