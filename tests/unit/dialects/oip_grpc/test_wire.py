from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.wire import fields, names_of, split
from scoringhost.errors import UndecodableBody

RAW = 7


@given(st.text(), st.lists(st.binary(max_size=300), max_size=4), st.lists(st.floats(width=32), max_size=50))
def test_raw_contents_are_taken_out_and_the_rest_is_left(name: str, raw: list[bytes], typed: list[float]) -> None:
    message = messages()[f"{INFERENCE}.ModelInferRequest"](model_name=name, raw_input_contents=raw)
    message.inputs.add(name="a", shape=[3, -1]).contents.fp32_contents.extend(typed)

    rest, found = split(message.SerializeToString(), RAW)
    message.ClearField("raw_input_contents")

    assert [bytes(one) for one in found] == raw
    assert rest == message.SerializeToString()


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_fields_that_are_appended_are_those_that_protobuf_reads(raw: list[bytes]) -> None:
    kind = messages()[f"{INFERENCE}.ModelInferRequest"]

    whole = b"".join([kind(id="x").SerializeToString(), *fields(RAW, raw)])

    assert list(kind.FromString(whole).raw_input_contents) == raw


@given(st.binary(max_size=60))
def test_whatever_comes_it_is_taken_apart_or_refused(data: bytes) -> None:
    try:
        rest, found = split(data, RAW)
    except UndecodableBody:
        return
    assert len(rest) + sum(map(len, found)) <= len(data)


@pytest.mark.parametrize("data", [b"\x3a", b"\x3a\x05abc", b"\xff" * 11, b"\x08", b"\x3b", b"\x0d\x01"])
def test_what_is_cut_off_or_no_field_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableBody):
        split(data, RAW)


@given(st.text(), st.text(), st.lists(st.binary(max_size=300), max_size=3), st.floats(width=32))
def test_the_model_that_a_message_is_about_is_read_without_the_rest(
    name: str, version: str, raw: list[bytes], value: float
) -> None:
    message = messages()[f"{INFERENCE}.ModelInferRequest"](
        model_name=name, model_version=version, id="x", raw_input_contents=raw
    )
    message.inputs.add(name="a", shape=[3, -1]).contents.fp32_contents.append(value)
    message.parameters["p"].int64_param = -1
    assert names_of(message.SerializeToString()) == (name, version)


@pytest.mark.parametrize("kind", ["ModelReadyRequest", "ModelMetadataRequest"])
def test_so_is_that_of_the_small_messages(kind: str) -> None:
    assert names_of(messages()[f"{INFERENCE}.{kind}"](name="wine", version="2").SerializeToString()) == ("wine", "2")
    assert names_of(b"") == ("", "")


def test_of_a_name_that_is_there_twice_the_last_one_counts_as_in_protobuf() -> None:
    twice = b"\x0a\x01a\x12\x011\x0a\x01b\x10\x05\x0d\x00\x00\x00\x00\x09" + bytes(8)
    assert names_of(twice) == ("b", "1")
    assert messages()[f"{INFERENCE}.ModelInferRequest"].FromString(twice).model_name == "b"


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abc", b"\xff" * 11, b"\x08", b"\x0b", b"\x0d\x01", b"\x0a\x01\xff", b"\x02\x01a"]
)
def test_a_message_whose_model_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableBody):
        names_of(data)


@given(st.binary(max_size=60))
def test_whatever_comes_a_name_is_read_or_it_is_refused(data: bytes) -> None:
    try:
        name, version = names_of(data)
    except UndecodableBody:
        return
    assert isinstance(name, str)
    assert isinstance(version, str)
