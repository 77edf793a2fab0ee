"""From what is published to the folder that is deployed, which `scoringhost serve` runs, too."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from scoringhost.hub.mls.definition import REALTIME, Definition
from scoringhost.hub.mls.swagger import swagger_of
from scoringhost.runtimes.mls.program import CODE, DEFINITION, INIT, OBJECTS, PICKLED_BY, SOURCE
from scoringhost.runtimes.mls.realtime import MODEL

SCORE = '''"""The web service {name}, version {version}; webservice.json says what it takes and returns.

{where}
"""

from scoringhost.runtimes.mls.{module} import {kind}

published = {kind}(__file__)


def init():
    """Load what it needs, once in each process."""
    published.start()


@published.declared
def run({inputs}request_headers=None):
    """One call."""
    return published.answer({values}, request_headers)
'''
OF_CODE = """Its code is in source/code.py, and runs for each call; source/init.py runs before the first one.
The objects that were published with it are in objects/, and are globals of both."""
OF_MODEL = (
    "It is the model in model.onnx: columns of the table are its inputs, and its outputs are columns of the result."
)


def make_folder(
    place: Path,
    name: str,
    version: str,
    definition: Definition,
    *,
    before: Path | None = None,
    objects: Mapping[str, Path] | None = None,
    python: str | None = None,
    model: bytes | None = None,
) -> None:
    """Make the folder of a service at `place`, which is not there yet.

    before: of the version as it was; its objects, or its model, stay where there are no others. objects: by name.
    python: the version of Python that they are pickled by, if that is known.
    """
    place.mkdir(parents=True, mode=0o700)
    if before is not None and (before / OBJECTS).is_dir():
        shutil.copytree(before / OBJECTS, place / OBJECTS, copy_function=_linked)
    _add_objects(place / OBJECTS, objects or {}, python)
    if model is not None:
        (place / MODEL).write_bytes(model)
    elif before is not None and (before / MODEL).exists():
        _linked(before / MODEL, place / MODEL)
    for file, code in ((INIT, definition.init_code), (CODE, definition.code)):
        if code is not None:
            (place / SOURCE).mkdir(exist_ok=True)
            (place / SOURCE / file).write_text(code, encoding="utf-8")
    _write_json(place / DEFINITION, {"name": name, "version": version, **definition.shown()})
    _write_json(place / "swagger2.json", swagger_of(name, version, definition))
    # Its own working directory, and its own standard output: one call at a time in each process.
    _write_json(place / "service.json", {"settings": {"threads": 1}})
    (place / "score.py").write_text(_score(name, version, definition), encoding="utf-8")


def _add_objects(folder: Path, objects: Mapping[str, Path], python: str | None) -> None:
    for key, path in objects.items():
        folder.mkdir(exist_ok=True)
        target = folder / f"{key}.dill"
        said = target.with_suffix(PICKLED_BY)
        for one in (target, said):
            one.unlink(missing_ok=True)  # it may be a link to the one before
        _linked(path, target)
        if python is not None:
            said.write_text(python, encoding="utf-8")


def _score(name: str, version: str, definition: Definition) -> str:
    names = [one.name for one in definition.inputs]
    values = "{" + ", ".join(f'"{one}": {one}' for one in names) + "}"
    is_model = definition.runtime == REALTIME
    return SCORE.format(
        name=name,
        version=version,
        where=OF_MODEL if is_model else OF_CODE,
        module="realtime" if is_model else "program",
        kind="RealtimeModel" if is_model else "Program",
        inputs="".join(f"{one}, " for one in names or ["nothing=None"]),
        values=values,
    )


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _linked(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """A second name for a file that nobody writes to, or a copy where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
