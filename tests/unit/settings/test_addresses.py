"""Addresses, and what must not be in them."""

from __future__ import annotations

import pytest

from scoringhost.settings.addresses import holds_password


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("s3://bucket/folder", False),
        ("abfs://container@account.dfs.core.windows.net/folder", False),
        ("ftp://me:secret@host/folder", True),
        ("https://x.blob.core.windows.net/c?sv=1&sig=abc", True),
        ("s3://bucket?aws_secret_access_key=abc", True),
        ("http://[broken", False),
        ("/a/folder", False),
    ],
)
def test_a_password_in_a_url_is_found(url: str, holds: bool) -> None:
    assert holds_password(url) is holds
