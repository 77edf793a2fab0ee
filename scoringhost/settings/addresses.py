"""Addresses as text."""

from __future__ import annotations


def address(host: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
