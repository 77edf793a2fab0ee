"""An issuer of tokens as OpenID Connect has it: Flask over TLS, with keys and signatures of joserfc."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import trustme
from flask import Flask, Response, jsonify, request
from joserfc import jwk, jwt
from werkzeug.serving import BaseWSGIServer, make_server

from tests.conftest import free_port

CLIENTS = {"robot": "robot-secret", "reader": "reader-secret"}
"""Programs by their names, and their secrets."""
ROLES = {"robot": ["contributor"]}


class OidcIssuer:
    """One tenant's issuer, which can be down, and changes its keys. `ca`: a file with who vouches for it."""

    def __init__(self, folder: Path, audience: str) -> None:
        self.port, self.audience = free_port(), audience
        self.url = f"https://localhost:{self.port}/tenant/v2.0"
        self.discovery = f"{self.url}/.well-known/openid-configuration"
        self.jwks = f"https://localhost:{self.port}/tenant/discovery/keys"
        self.keys: dict[str, jwk.RSAKey] = {}
        self.signs_with = ""
        self.asked: list[str] = []
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        self._certificate = folder / "issuer.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(self._certificate)
        self._server: BaseWSGIServer | None = None
        self.rotate("one")

    def rotate(self, name: str) -> None:
        """Sign with a new key from now on; those before stay known."""
        self.keys[name] = jwk.RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})
        self.signs_with = name

    def start(self) -> None:
        """Answer from now on."""
        certificate = str(self._certificate)
        self._server = make_server("localhost", self.port, self._app(), threaded=True, ssl_context=(certificate,) * 2)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Be down."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def token(self, *, key: jwk.RSAKey | None = None, kid: str | None = None, **claims: Any) -> str:
        """A good token, unless something else is said; a claim of None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": self.audience, "sub": "robot", "iat": now, "exp": now + 300}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        header = {"alg": "RS256", "typ": "JWT", "kid": kid or self.signs_with}
        return jwt.encode(header, said, key or self.keys[self.signs_with])

    def _app(self) -> Flask:
        app = Flask("issuer")

        @app.before_request
        def note() -> None:
            self.asked.append(request.path)

        @app.get("/tenant/v2.0/.well-known/openid-configuration")
        def discovery() -> Response:
            token = f"https://localhost:{self.port}/tenant/oauth2/v2.0/token"
            ways = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": token}
            return jsonify({"issuer": self.url, "jwks_uri": self.jwks, **ways})

        @app.get("/tenant/discovery/keys")
        def keys() -> Response:
            return jsonify({"keys": [key.as_dict(private=False) for key in self.keys.values()]})

        @app.post("/tenant/oauth2/v2.0/token")
        def token() -> tuple[Response, int]:
            name = request.form.get("client_id", "")
            if request.form.get("grant_type") != "client_credentials" or CLIENTS.get(name) != request.form.get(
                "client_secret"
            ):
                return jsonify({"error": "invalid_client"}), 401
            made = self.token(sub=name, azp=name, roles=ROLES.get(name))
            return jsonify({"access_token": made, "token_type": "Bearer", "expires_in": 300}), 200

        return app
