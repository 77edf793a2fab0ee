"""Tokens that are not good: each is refused, over and over, while good ones are let in beside them."""

from __future__ import annotations

import base64
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import PROGRAM, Served, until
from tests.live.faults.load import Load, statuses
from tests.live.faults.table import SCRIPTS, CannotRun, Drill, Row

if TYPE_CHECKING:
    from tests.unit.access.conftest import Issuer

SCRIPT = SCRIPTS / "drill.py"
TRIES = 20
REFRESH_S = 10.0
"""Seconds between two fetches of keys, where a token names one that is not known."""


def tokens(drill: Drill) -> None:
    """Every way not to be good, behind `serve` and its JWKS over HTTP."""
    for name, bad in BAD.items():
        with (
            drill.row(
                f"token: {name}", "each is a 401, and no byte of its body is scored; good ones are let in"
            ) as row,
            issued(row) as (issuer, served),
        ):
            asks_with_bad_and_good(row, served.port, bad(issuer), issuer.token())
    with (
        drill.row(
            "token: rotated keys", "the new key is let in without a restart, the old one refused once removed"
        ) as row,
        issued(row) as (issuer, served),
    ):
        _rotate(row, issuer, served, drill)


def asks_with_bad_and_good(row: Row, port: int, bad: str, good: str) -> None:
    """Ask with both at once, and see who is let in."""
    with Load(port, clients=2, headers=bearer(bad)) as refused, Load(port, clients=2, headers=bearer(good)) as let_in:
        refused.wait_for(TRIES)
        let_in.wait_for(TRIES)
    row.add(refused.counts + let_in.counts)
    row.counts["refused"] = refused.counts["status 401"]
    row.note(f"bad: {statuses(refused.counts)}; good: {statuses(let_in.counts)}")
    row.require_none_lost()
    row.require(refused.counts["status 401"] == refused.counts["answered"] >= TRIES, f"bad: {statuses(refused.counts)}")
    row.require(let_in.counts["status 200"] == let_in.counts["answered"] >= TRIES, f"good: {statuses(let_in.counts)}")


def _rotate(row: Row, issuer: Issuer, served: Served, drill: Drill) -> None:
    old = issuer.token()
    with Load(served.port, clients=2, headers=bearer(old)) as load:
        load.wait_for(TRIES)
        issuer.make_key("two")
        issuer.publish()
        new = issuer.token("two")
        within_s = (REFRESH_S + 5) * drill.patience
        until(lambda: status_of(served, new) == 200, "the new key to be known", within_s)
        load.wait_for(TRIES)
    row.add(load.counts)
    row.require(load.counts["status 200"] == load.counts["answered"], f"the old one meanwhile: {statuses(load.counts)}")
    del issuer.keys["one"]
    issuer.publish()
    issuer.make_key("three")  # a token whose key is not known has the keys fetched
    issuer.publish()
    until(lambda: status_of(served, issuer.token("three")) == 200, "the third key to be known", within_s)
    row.require(status_of(served, old) == 401, "the old one is let in after its removal")
    with Load(served.port, clients=2, headers=bearer(old)) as refused:
        refused.wait_for(TRIES)
    row.add(refused.counts)
    row.counts["refused"] = refused.counts["status 401"]
    row.require(refused.counts["status 401"] == refused.counts["answered"], f"the old one: {statuses(refused.counts)}")
    row.require_none_lost()


def bearer(token: str) -> str:
    """The header of a token."""
    return f"Authorization: Bearer {token}\r\n"


def status_of(served: Served, token: str) -> int:
    """What one request with that token is answered."""
    headers = [("Authorization", f"Bearer {token}")]
    return served.ask("POST", "/score", headers=headers, body=b"x").status


@contextmanager
def issued(row: Row) -> Iterator[tuple[Issuer, Served]]:
    """An issuer that serves its keys over HTTP, and a service that believes it."""
    issuer = make_issuer(row.folder / "jwks.json")
    with key_server(issuer.path) as url:
        yield issuer, row.serve(SCRIPT, *flags_for(url))


def flags_for(keys: str) -> list[str]:
    """Flags of a service that believes the issuer whose keys are there."""
    from tests.unit.access.conftest import AUDIENCE, ISSUER

    return ["--token-keys", keys, "--token-issuer", ISSUER, "--token-audience", AUDIENCE]


def make_issuer(path: Path) -> Issuer:
    """An issuer with one key, which it has published."""
    try:
        from tests.unit.access.conftest import Issuer
    except ImportError as missing:
        raise CannotRun(f"{missing}; pip install '.[auth]'") from None
    issuer = Issuer(path)
    issuer.make_key("one", "RS256")
    issuer.publish()
    return issuer


@contextmanager
def key_server(path: Path) -> Iterator[str]:
    """Serve a file over HTTP; gives its URL."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(path.read_bytes())

        def log_message(self, *what: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()


# -- what is not good -------------------------------------------------------------------------------


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def _forged(issuer: Issuer) -> str:
    """A good token's claims with one more right, under the signature of the good one."""
    head, _, signature = issuer.token().split(".")
    claims = {
        name: value.timestamp() if isinstance(value, datetime) else value for name, value in issuer.claims().items()
    }
    return f"{head}.{_coded(claims | {'sub': 'admin'})}.{signature}"


def _of_another(issuer: Issuer) -> str:
    """Signed by somebody else, with the name of the good key."""
    other = type(issuer)(issuer.path.with_name("other.json"))
    other.make_key("one", "RS256")
    return other.token()


def _none(issuer: Issuer) -> str:
    return f"{_coded({'alg': 'none', 'typ': 'JWT', 'kid': 'one'})}.{issuer.token().split('.')[1]}."


def _hmac(issuer: Issuer) -> str:
    """HMAC with the public key for its secret, as it could be fetched by anybody."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    _, key = issuer.keys["one"]
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_coded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{issuer.token().split('.')[1]}"
    return f"{signed}.{_base64(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"


def _coded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


BAD: dict[str, Callable[[Any], str]] = {
    "expired": lambda issuer: issuer.token(exp=_ago(60)),
    "not yet valid": lambda issuer: issuer.token(nbf=_ago(-60)),
    "forged claims": _forged,
    "signed by another": _of_another,
    "alg none": _none,
    "HMAC with the public key": _hmac,
    "wrong audience": lambda issuer: issuer.token(aud="api://others"),
    "wrong issuer": lambda issuer: issuer.token(iss="https://other.example"),
    "without an expiry": lambda issuer: issuer.token(exp=None),
    "no token at all": lambda issuer: "x",
}


# -- the same on other doors --------------------------------------------------------------------------


def other_doors(drill: Drill) -> None:
    """The same guards in Flask, as a WSGI server runs it, and in ASGI, as another server than ours does."""
    for name, command in (
        ("Flask on gunicorn", ["gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "made:app"]),
        ("ASGI on uvicorn", ["uvicorn", "--host", "127.0.0.1", "--port", "{port}", "made:asgi"]),
    ):
        with drill.row(f"bad tokens, {name}", "each kind of bad token is a 401; good ones are let in") as row:
            issuer = make_issuer(row.folder / "jwks.json")
            environ = dict(
                zip(("TOKEN_KEYS", "TOKEN_ISSUER", "TOKEN_AUDIENCE"), flags_for(str(issuer.path))[1::2], strict=True)
            )
            settings = {f"SCORINGHOST_{key}": value for key, value in environ.items()}
            (row.folder / "made.py").write_text(MADE.format(script=str(SCRIPT), name=name))
            row.exit_codes = (0, -signal.SIGTERM)  # uvicorn's own server ends by the signal that it was sent
            served = row.run(PROGRAM.with_name(command[0]), *command[1:], **settings, PYTHONPATH=str(row.folder))
            served.wait_answering()
            for bad in BAD.values():
                asks_with_bad_and_good(row, served.port, bad(issuer), issuer.token())
            row.counts["refused"] = row.counts["status 401"]
            row.seen[:] = [f"{len(BAD)} kinds of bad tokens: {statuses(row.counts)}"]


MADE = """
from scoringhost import create_app, create_asgi_app

if {name!r}.startswith("Flask"):
    app = create_app({script!r})
else:
    asgi = create_asgi_app({script!r})
"""
