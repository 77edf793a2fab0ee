from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from scoringhost.dialects.oip_grpc.wire import fields, split
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
