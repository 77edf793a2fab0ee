"""TLS on the gRPC port, with the certificates that HTTP has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import trustme

from scoringhost.dialects.oip_grpc.pool import INFERENCE, messages
from tests.unit.doors.grpc.conftest import request_of

if TYPE_CHECKING:
    from tests.unit.doors.grpc.conftest import GrpcService

METHOD = "/inference.GRPCInferenceService/ModelInfer"

WHO = """
def init():
    pass


def run(data, request_headers):
    return request_headers.get("X-Client-Certificate-Name", "nobody")
"""


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def files_of(folder: Path, authority: trustme.CA, name: str) -> tuple[Path, Path]:
    issued = authority.issue_cert(name, common_name=name)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    for one in issued.cert_chain_pems[:1]:
        one.write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return certificate, key


def called(place: str, credentials: grpc.ChannelCredentials, **more: Any) -> bytes:
    request = messages()[f"{INFERENCE}.ModelInferRequest"](model_name="echo")
    request.inputs.add(name="data", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"1")
    with grpc.secure_channel(place, credentials) as channel:
        answer: bytes = channel.unary_unary(METHOD)(request.SerializeToString(), timeout=30, **more)
    return answer


def test_a_client_with_a_certificate_is_known_by_its_name(
    grpc_service: Callable[..., GrpcService], tmp_path: Path, authority: trustme.CA
) -> None:
    certificate, key = files_of(tmp_path, authority, "localhost")
    own_certificate, own_key = files_of(tmp_path, authority, "client.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    service = grpc_service(
        WHO, tls_certificate=str(certificate), tls_key=str(key), tls_client_ca=str(tmp_path / "ca.pem")
    )
    place, root = f"localhost:{service.port}", authority.cert_pem.bytes()

    known = grpc.ssl_channel_credentials(root, own_key.read_bytes(), own_certificate.read_bytes())
    spoofed = [("x-client-certificate-name", "admin")]
    assert b"client.example" in called(place, known, metadata=spoofed)

    with pytest.raises(grpc.RpcError) as caught:
        called(place, grpc.ssl_channel_credentials(root))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_certificate_that_is_renewed_is_shown_to_new_connections(
    grpc_service: Callable[..., GrpcService], tmp_path: Path, authority: trustme.CA
) -> None:
    certificate, key = files_of(tmp_path, authority, "localhost")
    service = grpc_service(WHO, tls_certificate=str(certificate), tls_key=str(key))
    place = f"localhost:{service.port}"
    assert b"nobody" in called(place, grpc.ssl_channel_credentials(authority.cert_pem.bytes()))

    other = trustme.CA()
    files_of(tmp_path, other, "localhost")

    assert b"nobody" in called(place, grpc.ssl_channel_credentials(other.cert_pem.bytes()))


def test_plain_text_is_not_answered_where_there_is_a_certificate(
    grpc_service: Callable[..., GrpcService], tmp_path: Path, authority: trustme.CA
) -> None:
    certificate, key = files_of(tmp_path, authority, "localhost")
    service = grpc_service(WHO, tls_certificate=str(certificate), tls_key=str(key))

    error = service.fails("ModelInfer", request_of(np.ones((1, 1), np.float32), "FP32"))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
