"""A disk that can be full: a small file system of its own, which needs root and the right to mount."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory, of some MiB, mounted at a folder."""

    def __init__(self, path: Path, size: str = "4m") -> None:
        path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"NOT TESTED: a full disk: no file system can be mounted here: {mounted.stderr.strip()}")
        self.path = path
        self._filler = path / "filler"

    def fill(self, *, free: int = 0) -> None:
        """Use it up, but for so many bytes."""
        with self._filler.open("wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * 4096)
            file.truncate(max(0, (file.tell() - free) // 4096 * 4096))

    def free(self) -> None:
        """Have room again."""
        self._filler.unlink()

    def let_nobody_write(self) -> None:
        """Be read-only from now on, as a disk with errors is."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
