"""The wheel that a package carries: what is installed, packed again."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scoringhost._version import __version__
from scoringhost.packaging.own_wheel import own_wheel


def test_it_has_the_package_its_metadata_and_a_record_of_all(tmp_path: Path) -> None:
    packed = own_wheel()
    assert packed is not None
    name, content = packed
    assert name == f"scoringhost-{__version__}-py3-none-any.whl"
    archive = zipfile.ZipFile(io.BytesIO(content))
    names = archive.namelist()
    info = f"scoringhost-{__version__}.dist-info"
    assert {f"{info}/METADATA", f"{info}/WHEEL", f"{info}/entry_points.txt", "scoringhost/cli/__init__.py"} <= set(
        names
    )
    assert not [one for one in names if "__pycache__" in one or one.endswith((".pth", "direct_url.json"))]
    records = [line.rsplit(",", 2) for line in archive.read(f"{info}/RECORD").decode().splitlines()]
    assert sorted(name for name, _, _ in records) == sorted(names)
    for one, digest, size in records[:-1]:
        data = archive.read(one)
        expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert (digest, size) == (f"sha256={expected}", str(len(data)))
    assert own_wheel.__wrapped__() == packed  # the same files, the same wheel


@pytest.mark.drill
@pytest.mark.slow
def test_pip_installs_it_and_it_runs(tmp_path: Path) -> None:
    packed = own_wheel()
    assert packed is not None
    wheel = tmp_path / packed[0]
    wheel.write_bytes(packed[1])
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    program = "import scoringhost, pathlib; print(pathlib.Path(scoringhost.__file__).parents[1])"
    environ = {"PYTHONPATH": str(site)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(site)
    assert (site / "scoringhost" / "packaging" / "Dockerfile").is_file()
