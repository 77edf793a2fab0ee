"""A service that was published by the MLServer class: its objects, its code, and one call of it.

FOLDER/score.py          names this module, and can be read
FOLDER/webservice.json   what was published: names, types, files
FOLDER/source/init.py    what runs first; FOLDER/source/code.py: what runs for each call
FOLDER/objects/*.dill    objects and models, each by its name

All code runs in one namespace, in which objects are by their names. It is put back to what it was after init when a
call is over; what the objects hold is shared.
"""

from __future__ import annotations

import builtins
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from scoringhost.errors import ScriptUnservable
from scoringhost.runtimes.mls.captured import Captured, captured
from scoringhost.runtimes.mls.pickles import ObjectRefused, load_object
from scoringhost.runtimes.mls.wire_types import WIRE_TYPES, WireType
from scoringhost.runtimes.model_schemas import body_schema, schemas_of
from scoringhost.schema import json_text
from scoringhost.script.signature import Declarations, DeclaredInput, declares

F = TypeVar("F", bound=Callable[..., Any])

DEFINITION = "webservice.json"
SOURCE, INIT, CODE, OBJECTS = "source", "init.py", "code.py", "objects"
PICKLED_BY = ".python"
"""Of the file beside an object that says which version of Python has pickled it, if that is known."""
RESULT_HEADER = "x-scoringhost-mls"
"""With it a call is answered with all that the protocol says of it, and not with the outputs alone."""
_AS_HANDED_OVER = "X-Scoringhost-Mls"


class InputRefused(Exception):
    """The caller's input cannot be scored; the text names what is wrong with it."""


class Program:
    """One such service in this process."""

    def __init__(self, script: str) -> None:
        """`script`: the path of its score.py."""
        self.folder = Path(script).parent
        definition: dict[str, Any] = json.loads((self.folder / DEFINITION).read_text(encoding="utf-8"))
        self.inputs = types_of(definition["inputParameterDefinitions"])
        self.outputs = types_of(definition["outputParameterDefinitions"])
        self._files: list[str] = definition["outputFileNames"]
        self._namespace = ModuleType("__main__")
        self._code: CodeType | None = None
        self._after_init: dict[str, Any] = {}

    def declared(self, run: F) -> F:
        """Mark a run() with the inputs and outputs that were published."""
        body = body_schema({name: one.schema() for name, one in self.inputs.items()}, list(self.inputs), {})
        result = {"type": "object", "properties": {name: one.schema() for name, one in self.outputs.items()}}
        inputs = {name: DeclaredInput(one) for name, one in self.inputs.items()}
        return declares(run, Declarations(run, inputs, True, schemas_of(body, result)))

    def start(self) -> None:
        """Load the objects, and run what runs first.

        Raises:
            ScriptUnservable: if an object cannot be loaded.
            MissingExtra: if there are objects, and dill is not installed.
        """
        names = vars(self._namespace)
        names["__builtins__"] = builtins
        for path in sorted((self.folder / OBJECTS).glob("*.dill")):
            said = path.with_suffix(PICKLED_BY)
            pickled_by = said.read_text(encoding="utf-8") if said.exists() else None
            try:
                names[path.stem] = load_object(path.stem, path.read_bytes(), self._namespace, pickled_by)
            except ObjectRefused as problem:
                raise ScriptUnservable(path.name, str(problem)) from None
        # Both are compiled before either runs: a mistake in the code is known at once, too.
        init = _compiled(self.folder / SOURCE / INIT)
        self._code = _compiled(self.folder / SOURCE / CODE)
        if init is not None:
            exec(init, names)  # it is what this service is
        self._after_init = dict(names)

    # -- one call -----------------------------------------------------------------------------------

    def answer(self, values: Mapping[str, object], headers: Mapping[str, str] | None) -> object:
        """The outputs of a call by their names; or, if the headers ask for it, a response with all that it has left."""
        wants_result = headers is not None and _AS_HANDED_OVER in headers
        left = Captured()
        try:
            with captured(self._files if wants_result else ()) as left:
                outputs = self.scored(values)
        except InputRefused as problem:
            return _response(400, {"message": str(problem)})
        except (Exception, SystemExit) as problem:
            if not wants_result:
                raise
            said = f"{type(problem).__name__}: {problem}".removesuffix(": ")
            sys.stderr.write(f"{self._traceback(problem)}\n")
            return _response(500, _result(left, {}, said))
        return _response(200, _result(left, outputs)) if wants_result else outputs

    def scored(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Run the code with these inputs; returns the outputs as JSON has them.

        Raises:
            ValueError: if an output is not of its type; names it. Else whatever the code raises.
        """
        names = vars(self._namespace)
        try:
            names.update(values)
            if self._code is not None:
                exec(self._code, names)
            return {name: _output(name, one, names.get(name)) for name, one in self.outputs.items()}
        finally:
            names.clear()
            names.update(self._after_init)

    def _traceback(self, problem: BaseException) -> str:
        """The traceback from the published code on, which is what its author knows."""
        found = problem.__traceback__
        while found is not None and not found.tb_frame.f_code.co_filename.startswith(str(self.folder)):
            found = found.tb_next
        return "".join(traceback.format_exception(type(problem), problem, found)).rstrip()


def types_of(definitions: Sequence[Mapping[str, str]]) -> dict[str, WireType]:
    """The types by name, in order."""
    return {one["name"]: WIRE_TYPES[one["type"]] for one in definitions}


def _compiled(path: Path) -> CodeType | None:
    if not path.exists():
        return None
    return compile(path.read_text(encoding="utf-8"), str(path), "exec")


def _output(name: str, declared: WireType, value: object) -> Any:
    try:
        return declared.to_json(value)
    except ValueError as problem:
        raise ValueError(f"the output {name!r} cannot be sent: {problem}") from None


def _result(left: Captured, outputs: Mapping[str, Any], error: str = "") -> dict[str, Any]:
    """What the protocol says of a call."""
    return {
        "success": not error,
        "errorMessage": error,
        "consoleOutput": left.printed,
        "changedFiles": left.changed,
        "outputFiles": left.output_files,
        "outputParameters": dict(outputs),
    }


def _response(status: int, value: Mapping[str, Any]) -> object:
    from werkzeug.wrappers import Response  # what a script answers with when it says the status itself

    return Response(json_text.dumps(value), status=status, mimetype="application/json")
