"""Server reflection, for grpcurl and its like: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md."""

from __future__ import annotations

from typing import Any

from scoringhost.dialects.oip_grpc.pool import messages
from scoringhost.dialects.oip_grpc.reading import parsed
from scoringhost.doors.grpc.call import Call
from scoringhost.doors.grpc.message_reader import Message, Refused, unpacked
from scoringhost.errors import UndecodableBody

NOT_FOUND, INVALID_ARGUMENT = 5, 3
"""Numbers of https://grpc.io/docs/guides/status-codes/, which go into the answer."""


MOST_UNREAD = 1_048_576
"""Bytes of answers that a caller may leave unread."""


class ReflectionCall(Call):
    """ServerReflectionInfo: each message is answered at once."""

    __slots__ = ()

    def on_message(self, message: Message) -> None:
        """Answer it."""
        package = self.path[1:].rpartition(".")[0]
        body = unpacked(message, self.head.encoding, self.calls.largest)
        if self.stream.waiting > MOST_UNREAD:
            raise Refused("RESOURCE_EXHAUSTED", "the answers are not read")
        try:
            self.say(reflect(package, body))
        except UndecodableBody as problem:
            raise Refused("INVALID_ARGUMENT", str(problem)) from None

    def end(self) -> None:
        """The caller has no more to ask."""
        self.finish()


def reflect(package: str, body: bytes) -> bytes:
    """The answer to one message of ServerReflectionInfo, of v1 or v1alpha, which is the package.

    Raises:
        UndecodableBody: if the message is none.
    """
    known = messages()
    request = parsed(known[f"{package}.ServerReflectionRequest"], body)
    response = known[f"{package}.ServerReflectionResponse"](valid_host=request.host, original_request=request)
    asked = request.WhichOneof("message_request")
    try:
        if asked == "list_services":
            for name in known.services:
                response.list_services_response.service.add(name=name)
        elif asked == "file_by_filename":
            _give(known.pool.FindFileByName(request.file_by_filename), response)
        elif asked == "file_containing_symbol":
            _give(known.pool.FindFileContainingSymbol(request.file_containing_symbol), response)
        elif asked == "all_extension_numbers_of_type":
            known.pool.FindMessageTypeByName(request.all_extension_numbers_of_type)
            response.all_extension_numbers_response.base_type_name = request.all_extension_numbers_of_type
        elif asked == "file_containing_extension":
            raise KeyError("no message here has extensions")
        else:
            response.error_response.error_code = INVALID_ARGUMENT
            response.error_response.error_message = "nothing was asked for"
    except KeyError as problem:
        response.error_response.error_code = NOT_FOUND
        response.error_response.error_message = str(problem.args[0])
    said: bytes = response.SerializeToString()
    return said


def _give(file: Any, response: Any) -> None:
    """Put a file into the response; ours import none."""
    response.file_descriptor_response.file_descriptor_proto.append(file.serialized_pb)
