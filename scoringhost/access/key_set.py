"""KeySet: the public keys of an issuer of tokens (RFC 7517), from a file or a URL, read again as they are rotated."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scoringhost.errors import NotReady

if TYPE_CHECKING:
    from jwt import PyJWK

FETCH_TIMEOUT_S = 5.0
FRESH_S = 300.0
"""Seconds after which the keys are fetched again although none is missing: a key that was withdrawn is forgotten."""
MIN_INTERVAL_S = 10.0
"""Seconds between two fetches for keys that are not known: forged key ids must not make us flood the issuer."""
LARGEST = 1024 * 1024
"""Bytes that a set of keys may have."""

log = logging.getLogger("scoringhost")


class KeySet:
    """Looks up keys by their id. `fetch` blocks; whoever calls it does so beside the event loop."""

    def __init__(self, source: str) -> None:
        """source: the path of a file, or a URL: of the keys, or of the document that says where they are."""
        self._source = source
        self.is_remote = source.startswith(("https://", "http://"))
        self._keys: dict[str, PyJWK] = {}
        self._fetched_s: float | None = None
        self._tried_s: float | None = None
        self.generation = 0
        """Grows whenever the keys have changed: what was checked with older keys is to be checked anew."""

    def find(self, key_id: str | None) -> PyJWK | None:
        """The key of that id; without an id the only key, if there is only one."""
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    @property
    def is_due(self) -> bool:
        """Whether the keys are so old that they should be fetched again."""
        return self._fetched_s is None or time.monotonic() - self._fetched_s > FRESH_S

    @property
    def may_fetch(self) -> bool:
        """Whether the last attempt is long enough ago."""
        return self._tried_s is None or time.monotonic() - self._tried_s >= MIN_INTERVAL_S

    def require_some(self) -> None:
        """Make sure that keys have been had before.

        Raises:
            NotReady: if not: then it says nothing against a token that its key is not among them.
        """
        if self._fetched_s is None:
            raise NotReady("The keys to check tokens with cannot be had now; try again", 5)

    def fetch(self) -> None:
        """Get the keys anew.

        Raises:
            NotReady: if they cannot be had and none are known; else those that were known last hold.
        """
        self._tried_s = time.monotonic()
        try:
            content = json.loads(self._load(self._source))
            if self.is_remote and isinstance(content, dict) and "keys" not in content:
                content = json.loads(self._load(_place_in(content, self._source)))
            keys = _keys_of(content)
        except (OSError, ValueError, urllib.error.URLError) as problem:
            log.warning("The keys of the issuer of tokens cannot be had from %s: %s", self._source, problem)
            self.require_some()
            return
        if _material(keys) != _material(self._keys):
            self.generation += 1
            log.info("Keys to check tokens with, from %s: %s", self._source, ", ".join(keys) or "none")
        self._keys, self._fetched_s = keys, time.monotonic()

    def _load(self, source: str) -> bytes:
        if not self.is_remote:
            with open(source, "rb") as file:
                return file.read(LARGEST)
        request = urllib.request.Request(source, headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT_S) as response:
            content = response.read(LARGEST)
        assert isinstance(content, bytes)
        return content


def _place_in(document: Mapping[str, Any], source: str) -> str:
    """Where an issuer's keys are, as its document says it (OpenID Connect Discovery 1.0, section 3)."""
    place = document.get("jwks_uri")
    secure = source.startswith("https://")
    if not isinstance(place, str) or not place.startswith("https://" if secure else ("https://", "http://")):
        raise ValueError("neither keys nor a jwks_uri of https are in it")
    return place


def _keys_of(content: Any) -> dict[str, PyJWK]:
    """The keys that can check signatures; others, such as those for encryption, are left out.

    A key for encryption or a shared secret (`oct`) in a public document is no key to check tokens with.
    """
    from jwt import PyJWK
    from jwt.exceptions import InvalidKeyError, PyJWKError

    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise ValueError("it is no set of keys: a JSON object with a list named keys is expected (RFC 7517)")
    found: dict[str, PyJWK] = {}
    for number, entry in enumerate(content["keys"]):
        if not isinstance(entry, dict) or entry.get("use") == "enc" or entry.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            found[str(entry.get("kid", number))] = PyJWK.from_dict(entry)
        except (PyJWKError, InvalidKeyError, ValueError):
            continue
    return found


def _material(keys: dict[str, PyJWK]) -> dict[str, Any]:
    return {name: key._jwk_data for name, key in keys.items()}
