"""From the text of a .proto file to its descriptor: as much of proto3 as our own files use.

The usual way, code that protoc has made, registers its messages in the one pool that a process has. There a second
file with a message of the same name is an error, and scripts import such files: tritonclient, kserve and mlserver all
bring their own `inference.ModelInferRequest`. So the descriptors are made here, for a pool of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_COMMENT = re.compile(r"//[^\n]*")
_TOKEN = re.compile(r'"[^"]*"|[A-Za-z_][\w.]*|\d+|[{}()<>=;,]')

_SCALARS = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
}


class _Tokens:
    """The words and signs of a file, one after the other."""

    def __init__(self, text: str) -> None:
        self._left: Iterator[str] = iter(_TOKEN.findall(_COMMENT.sub("", text)))

    def take(self) -> str:
        """The next one; empty at the end."""
        return next(self._left, "")

    def expect(self, *wanted: str) -> None:
        """The next ones, which must be these.

        Raises:
            ValueError: if they are not.
        """
        for token in wanted:
            found = self.take()
            if found != token:
                raise ValueError(f"expected {token!r}, got {found!r}")


def file_of(name: str, text: str) -> FileDescriptorProto:
    """The descriptor of a file with messages, enumerations, maps, oneofs and services; no imports, no options.

    Raises:
        ValueError: if the text has something else.
    """
    file = FileDescriptorProto(name=name, syntax="proto3")
    tokens = _Tokens(text)
    while kind := tokens.take():
        if kind == "syntax":
            tokens.expect("=", '"proto3"', ";")
        elif kind == "package":
            file.package = tokens.take()
            tokens.expect(";")
        elif kind == "message":
            _read_message(tokens, file.message_type.add())
        elif kind == "service":
            _read_service(tokens, file.service.add())
        else:
            raise ValueError(f"{kind!r} is not understood in {name}")
    _resolve(file)
    return file


def _read_message(tokens: _Tokens, message: DescriptorProto) -> None:
    message.name = tokens.take()
    tokens.expect("{")
    while (word := tokens.take()) != "}":
        if word == "message":
            _read_message(tokens, message.nested_type.add())
        elif word == "enum":
            _read_enum(tokens, message.enum_type.add())
        elif word == "oneof":
            message.oneof_decl.add(name=tokens.take())
            tokens.expect("{")
            while (kind := tokens.take()) != "}":
                _read_field(tokens, message, kind).oneof_index = len(message.oneof_decl) - 1
        elif word == "map":
            _read_map(tokens, message)
        elif word == "repeated":
            _read_field(tokens, message, tokens.take()).label = FieldDescriptorProto.LABEL_REPEATED
        else:
            _read_field(tokens, message, word)


def _read_field(tokens: _Tokens, message: DescriptorProto, kind: str) -> FieldDescriptorProto:
    field = message.field.add(name=tokens.take(), label=FieldDescriptorProto.LABEL_OPTIONAL)
    tokens.expect("=")
    field.number = int(tokens.take())
    tokens.expect(";")
    _set_type(field, kind)
    return field


def _set_type(field: FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type_name = kind  # of a message or an enumeration: `_resolve` finds out


def _read_map(tokens: _Tokens, message: DescriptorProto) -> None:
    """A map is a repeated message with a key and a value: https://protobuf.dev/programming-guides/proto3/#backwards."""
    tokens.expect("<")
    key = tokens.take()
    tokens.expect(",")
    value = tokens.take()
    tokens.expect(">")
    field = _read_field(tokens, message, "")
    field.label = FieldDescriptorProto.LABEL_REPEATED
    entry = message.nested_type.add(name="".join(word.capitalize() for word in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    field.type_name = entry.name
    for number, (name, kind) in enumerate((("key", key), ("value", value)), start=1):
        part = entry.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        _set_type(part, kind)


def _read_enum(tokens: _Tokens, enum: Any) -> None:
    enum.name = tokens.take()
    tokens.expect("{")
    while (name := tokens.take()) != "}":
        tokens.expect("=")
        enum.value.add(name=name, number=int(tokens.take()))
        tokens.expect(";")


def _read_service(tokens: _Tokens, service: Any) -> None:
    service.name = tokens.take()
    tokens.expect("{")
    while (word := tokens.take()) != "}":
        if word != "rpc":
            raise ValueError(f"expected an rpc in {service.name}, got {word!r}")
        method = service.method.add(name=tokens.take())
        method.input_type, streams_in = _read_side(tokens)
        tokens.expect("returns")
        method.output_type, streams_out = _read_side(tokens)
        tokens.expect(";")
        if streams_in:  # what is false is left out, as protoc does
            method.client_streaming = True
        if streams_out:
            method.server_streaming = True


def _read_side(tokens: _Tokens) -> tuple[str, bool]:
    """The message of one side of an rpc, and whether there are many of it."""
    tokens.expect("(")
    name = tokens.take()
    streams = name == "stream"
    if streams:
        name = tokens.take()
    tokens.expect(")")
    return name, streams


# -- names ------------------------------------------------------------------------------------------


def _resolve(file: FileDescriptorProto) -> None:
    """Put full names in place of those that were written, and say which types are messages and which are not."""
    root = f".{file.package}"
    kinds = dict(_named(root, file.message_type))
    for service in file.service:
        for method in service.method:
            method.input_type = _full(method.input_type, root, kinds)
            method.output_type = _full(method.output_type, root, kinds)
    for message in file.message_type:
        _resolve_message(message, root, kinds)


def _named(scope: str, messages: Any) -> Iterator[tuple[str, int]]:
    for message in messages:
        name = f"{scope}.{message.name}"
        yield name, FieldDescriptorProto.TYPE_MESSAGE
        yield from ((f"{name}.{enum.name}", FieldDescriptorProto.TYPE_ENUM) for enum in message.enum_type)
        yield from _named(name, message.nested_type)


def _resolve_message(message: DescriptorProto, scope: str, kinds: dict[str, int]) -> None:
    here = f"{scope}.{message.name}"
    for field in message.field:
        if field.type_name:
            field.type_name = _full(field.type_name, here, kinds)
            field.type = kinds[field.type_name]
    for inner in message.nested_type:
        _resolve_message(inner, here, kinds)


def _full(name: str, scope: str, kinds: dict[str, int]) -> str:
    """The full name, looked for from the innermost scope outwards.

    Raises:
        ValueError: if there is no such type in the file.
    """
    while scope:
        if f"{scope}.{name}" in kinds:
            return f"{scope}.{name}"
        scope = scope.rpartition(".")[0]
    raise ValueError(f"there is no type {name!r}")
