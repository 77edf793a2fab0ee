"""The digest of an image, by which it is the same image whenever it is built on."""

from __future__ import annotations

import re
import subprocess

from scoringhost.packaging.output import PackagingError

LIMIT_S = 60


def digest_of(image: str) -> str:
    """The digest of an image in its registry, for all platforms; docker is asked, and pulls nothing.

    Raises:
        PackagingError: if there is no docker, or it cannot say.
    """
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise PackagingError(f"the digest of {image} is not known, as docker cannot be asked: {problem}") from None
    digest = done.stdout.strip()
    if done.returncode or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        reason = done.stderr.strip() or f"it says {digest!r}"
        raise PackagingError(f"docker does not know the digest of {image}: {reason}")
    return digest
