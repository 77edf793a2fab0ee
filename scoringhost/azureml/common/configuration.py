"""Configuration: what holds for every client of a program; it is changed before a client is made."""

from __future__ import annotations

from collections.abc import Mapping


class Configuration:
    """The one configuration of a program: `Configuration()` is the same object every time."""

    _only: Configuration | None = None

    host: str
    """The address where a client that is given none finds its server."""
    verify_ssl: bool | str
    """Whether the server's certificate is checked; or a PEM file of who may have signed it."""
    cert: str | tuple[str, str] | None
    """A certificate of the client's own: a PEM file, or that and the file of its key."""
    proxies: Mapping[str, str] | None
    """URLs of proxies by the scheme of requests; those of the environment if not set."""
    connect_timeout_s: float
    """Seconds that a server has to take a connection. An answer may take as long as it takes."""

    def __new__(cls) -> Configuration:
        """The only one, which is made when it is asked for first."""
        if cls._only is None:
            made = cls._only = super().__new__(cls)
            made.host = "http://localhost:12800"
            made.verify_ssl, made.cert, made.proxies = True, None, None
            made.connect_timeout_s = 10.0
        return cls._only
