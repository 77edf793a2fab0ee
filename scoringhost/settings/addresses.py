"""Addresses as text."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SECRET_ARGUMENT = re.compile(r"[?&](sig|\w*(token|key|secret|password))=", re.IGNORECASE)


def address(host: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def holds_password(url: str) -> bool:
    """Whether a URL has a password before its host, or a signature or key among its arguments."""
    try:
        password = urlsplit(url).password
    except ValueError:  # no URL at all, which whoever uses it will say
        password = None
    return bool(password) or _SECRET_ARGUMENT.search(url) is not None
