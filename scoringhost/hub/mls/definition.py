"""What is published as a web service: its names, types, code and files, read out of a request and checked."""

from __future__ import annotations

import dataclasses
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scoringhost.hub.errors import NameRefused, ValueRefused
from scoringhost.runtimes.mls.wire_types import WIRE_TYPES

PYTHON, REALTIME = "Python", "Realtime"
CONSUME = "consume"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
FILE = re.compile(r"[^/\\\0]{1,255}")
NAME_RULE = "up to 100 of A-Z, a-z, 0-9, dot, dash and underline, the first a letter or a digit, and no two dots"
OF_THE_CLIENT = frozenset({
    "capabilities", "swagger", "batch", "get_batch", "list_batch_executions",
})  # fmt: skip
"""Methods of the client's Service, which has one more of the alias."""
RESERVED = frozenset({"request_headers", "published", "nothing"})
"""What run() of a generated score.py has names for already."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input or an output: its name, and its type as it is called on the wire."""

    name: str
    type: str

    def shown(self) -> dict[str, str]:
        """As JSON has it."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True, slots=True)
class Definition:
    """One web service. code, init_code: source text, if any. operation_id: what the client's method is called."""

    runtime: str = PYTHON
    code: str | None = None
    init_code: str | None = None
    description: str = ""
    operation_id: str = CONSUME
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    files: tuple[str, ...] = ()
    snapshot: str = ""

    def merged(self, body: Mapping[str, Any]) -> Definition:
        """With what a request says; what it leaves out stays.

        Raises:
            NameRefused, ValueRefused: if something in it cannot be used.
        """
        given: dict[str, Any] = {}
        for key, field in (("code", "code"), ("initCode", "init_code"), ("description", "description"),
                           ("operationId", "operation_id"), ("snapshotId", "snapshot")):  # fmt: skip
            if body.get(key) is not None:
                given[field] = _text(key, body[key])
        for key, field in (("inputParameterDefinitions", "inputs"), ("outputParameterDefinitions", "outputs")):
            if body.get(key) is not None:
                given[field] = _parameters(key, body[key])
        if body.get("outputFileNames") is not None:
            given["files"] = _files(body["outputFileNames"])
        if body.get("runtimeType") not in (None, self.runtime):
            raise ValueRefused("runtimeType", self.runtime, body["runtimeType"])
        if "operation_id" in given:
            _require_alias(given["operation_id"])
        return dataclasses.replace(self, **given)

    def shown(self) -> dict[str, Any]:
        """As JSON has it, and as it is written into the folder of the service."""
        return {
            "snapshotId": self.snapshot,
            "runtimeType": self.runtime,
            "initCode": self.init_code,
            "code": self.code,
            "description": self.description,
            "operationId": self.operation_id,
            "inputParameterDefinitions": [one.shown() for one in self.inputs],
            "outputParameterDefinitions": [one.shown() for one in self.outputs],
            "outputFileNames": list(self.files),
        }

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Definition:
        """What `shown` gave."""
        return cls(runtime=value["runtimeType"]).merged(value)


def require_name(name: object, what: str) -> str:
    """Make sure that it can be the name of a service, or a version.

    Raises:
        NameRefused: if it cannot.
    """
    if not isinstance(name, str) or NAME.fullmatch(name) is None or ".." in name:
        raise NameRefused(what, str(name), NAME_RULE)
    return name


def require_identifier(name: object, what: str) -> str:
    """Make sure that it can be a name in Python.

    Raises:
        NameRefused: if it cannot.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or len(name) > 100:
        raise NameRefused(what, str(name), "it must be a name in Python, and no keyword")
    return name


def _require_alias(alias: str) -> None:
    require_identifier(alias, "alias")
    if alias in OF_THE_CLIENT or alias.startswith("__"):
        raise NameRefused("alias", alias, "every service has a method of that name")


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueRefused(field, "a text", value)
    return value


def _parameters(field: str, values: object) -> tuple[Parameter, ...]:
    if not isinstance(values, list):
        raise ValueRefused(field, "a list of names and types", values)
    found: dict[str, Parameter] = {}
    for at, one in enumerate(values):
        if not isinstance(one, dict) or one.get("type") not in WIRE_TYPES:
            expected = f"an object with a name, and as type one of {', '.join(WIRE_TYPES)}"
            raise ValueRefused(f"{field}[{at}]", expected, one)
        name = require_identifier(one.get("name"), "input or output")
        if name in RESERVED:
            raise NameRefused("input or output", name, f"{', '.join(sorted(RESERVED))} are taken")
        if name in found:
            raise ValueRefused(f"{field}[{at}]", "each name once", name)
        found[name] = Parameter(name, one["type"])
    return tuple(found.values())


def _files(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueRefused("outputFileNames", "a list of names of files", values)
    for one in values:
        if not isinstance(one, str) or FILE.fullmatch(one) is None or one in (".", ".."):
            raise ValueRefused("outputFileNames", "plain names of files, without a folder", one)
    return tuple(dict.fromkeys(values))
