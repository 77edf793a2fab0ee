"""The key pair of a service that issues its own tokens. Pods are given the public key: checking takes no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from scoringhost.errors import MissingExtra


@dataclass(frozen=True, slots=True)
class SigningKey:
    """private_pem: for whoever issues tokens. jwks: the document with the public key (RFC 7517), to check them with."""

    jwks: str
    private_pem: str = field(repr=False)


def new_signing_key() -> SigningKey:
    """Make a key pair (Ed25519), whose id is its own thumbprint (RFC 7638).

    Raises:
        MissingExtra: if PyJWT and cryptography are not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from jwt.algorithms import OKPAlgorithm
        from jwt.utils import base64url_encode
    except ImportError:
        raise MissingExtra("cryptography", "auth") from None
    import hashlib

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    named = {name: public[name] for name in ("crv", "kty", "x")}  # the members that RFC 8037 says, sorted
    thumbprint = base64url_encode(hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).digest()).decode()
    document = {"keys": [{**named, "kid": thumbprint, "alg": "EdDSA", "use": "sig"}]}
    return SigningKey(json.dumps(document, indent=2), pem)
