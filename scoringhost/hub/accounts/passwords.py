"""Passwords as a users file keeps them: salted scrypt (RFC 7914), with its cost beside it."""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from hmac import compare_digest

COST, BLOCKS, LANES = 2**15, 8, 1
"""32 MiB and about 90 ms on a core of 2026. What is kept says its own, so these can grow later."""

LARGEST_MEMORY = 512 * 1024 * 1024
"""Bytes that one check may take: a users file that asks for more was damaged, or written to do harm."""


def hashed(password: str) -> str:
    """A password as it is kept. Takes about 90 ms of a core: never on an event loop."""
    salt = os.urandom(16)
    return f"scrypt${COST}${BLOCKS}${LANES}${_text(salt)}${_text(_scrypt(password, salt, COST, BLOCKS, LANES))}"


def is_hash(kept: str) -> bool:
    """Whether a text can be what `hashed` has answered."""
    try:
        _parts(kept)
    except ValueError:
        return False
    return True


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one that is kept. Takes as long as `hashed`."""
    cost, blocks, lanes, salt, wanted = _parts(kept)
    return compare_digest(_scrypt(password, salt, cost, blocks, lanes), wanted)


NOBODYS = f"scrypt${COST}${BLOCKS}${LANES}${'A' * 22}==${'A' * 43}="
"""What the password of a user is compared with whom there is not: it takes as long, and nothing matches it."""


def _parts(kept: str) -> tuple[int, int, int, bytes, bytes]:
    kind, *rest = kept.split("$")
    if kind != "scrypt" or len(rest) != 5:
        raise ValueError("it is no hash of scrypt")
    cost, blocks, lanes = (int(word) for word in rest[:3])
    salt, digest = (b64decode(word, validate=True) for word in rest[3:])
    is_power = cost > 1 and cost & (cost - 1) == 0
    if not is_power or not 1 <= blocks <= 64 or not 1 <= lanes <= 16 or cost * blocks * 128 > LARGEST_MEMORY:
        raise ValueError("its cost is not one of scrypt's, or more than is taken")
    if len(salt) < 8 or len(digest) < 16:
        raise ValueError("its salt or digest is too short")
    return cost, blocks, lanes, salt, digest


def _scrypt(password: str, salt: bytes, cost: int, blocks: int, lanes: int) -> bytes:
    text = password.encode("utf-8", "surrogatepass")
    # OpenSSL counts a little more than the 128 * N * r of the RFC, and refuses what is over its limit.
    most = 128 * blocks * (cost + lanes + 2) + 1024 * 1024
    return hashlib.scrypt(text, salt=salt, n=cost, r=blocks, p=lanes, maxmem=most, dklen=32)


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")
