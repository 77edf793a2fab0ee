"""An issuer of tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://issuer.example", "api://wines"


class Issuer:
    """Signs tokens, and writes its public keys to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: dict[str, tuple[str, Any]] = {}

    def make_key(self, name: str, algorithm: str = "ES256") -> None:
        made: dict[str, Callable[[], Any]] = {
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        self.keys[name] = algorithm, made[algorithm]()

    def publish(self) -> None:
        kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        entries = []
        for name, (algorithm, key) in self.keys.items():
            entry = json.loads(kinds[algorithm].to_jwk(key.public_key()))
            entries.append(entry | {"kid": name, "alg": algorithm, "use": "sig"})
        self.path.write_text(json.dumps({"keys": entries}))

    def token(self, name: str = "one", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token unless claims say otherwise; a claim of None is left out."""
        algorithm, key = self.keys[name]
        return jwt.encode(self.claims(**claims), key, algorithm, headers={"kid": name, **(headers or {})})

    @staticmethod
    def claims(**claims: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + timedelta(minutes=5)}
        return {name: value for name, value in (usual | claims).items() if value is not None}


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "jwks.json")
    made.make_key("one")
    made.publish()
    return made
