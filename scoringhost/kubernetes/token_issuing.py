"""Tokens of a service that issues its own: signed here, with the key that is in the cluster for whoever may read it."""

from __future__ import annotations

import datetime
import json
import uuid
from dataclasses import dataclass

from scoringhost.errors import MissingExtra
from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.cluster import Cluster
from scoringhost.kubernetes.cluster_keys import signing_key_of
from scoringhost.kubernetes.record import Record

REFRESH_AFTER = datetime.timedelta(hours=1)
EXPIRES_AFTER = datetime.timedelta(hours=13)
"""Azure's hold for twelve hours longer than one is told to get a new one."""
_DOCUMENT_SUFFIX = "-token-keys"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and the times (UTC) from which on another should be asked for, and at which it ends."""

    token: str
    refresh_after: datetime.datetime
    expires_at: datetime.datetime

    def __repr__(self) -> str:
        return f"Issued(expires_at={self.expires_at.isoformat()})"


def issue(cluster: Cluster, record: Record, issuer: str, audience: str, *, caller: str = "scoringhost") -> Issued:
    """Make a token that lets its bearer call the service. caller: who that is, for the service's log.

    Raises:
        KeysMissing: if the service issues no tokens.
        MissingExtra: if PyJWT and cryptography are not installed.
    """
    try:
        import jwt
    except ImportError:
        raise MissingExtra("jwt", "auth") from None
    pem, document = signing_key_of(cluster, record), public_keys_of(record)
    if pem is None or document is None:
        raise errors.KeysMissing(record.name)
    key = json.loads(document)["keys"][0]
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": caller,
        "iat": now,
        "nbf": now,
        "exp": now + EXPIRES_AFTER,
        "jti": str(uuid.uuid4()),
    }
    token = jwt.encode(claims, pem, algorithm=key["alg"], headers={"kid": key["kid"]})
    return Issued(token, now + REFRESH_AFTER, now + EXPIRES_AFTER)


def public_keys_of(record: Record) -> str | None:
    """The document (JWKS) with the public keys of a service's own tokens; None if it has none."""
    for one in record.named("ConfigMap"):
        if one["metadata"]["name"].endswith(_DOCUMENT_SUFFIX):
            return str(next(iter(one["data"].values())))
    return None
