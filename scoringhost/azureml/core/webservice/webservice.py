"""Services."""

from __future__ import annotations


class Webservice:
    """A service of a workspace."""
