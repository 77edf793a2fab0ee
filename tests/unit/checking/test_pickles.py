"""The version of scikit-learn in a pickle, found without unpickling."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest

from scoringhost.checking.pickles import foreign_versions, installed_version, sklearn_version

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("scikit-learn")]  # so that one process imports it


@pytest.fixture(scope="module")
def model() -> Any:
    from sklearn.linear_model import LinearRegression  # every process of a parallel run imports this file; it takes 2 s

    return LinearRegression().fit([[float(n)] for n in range(2000)], [float(n) for n in range(2000)])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_version_is_read_from_every_protocol(tmp_path: Path, model: Any, protocol: int) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps({"a": 1, "model": model}, protocol))
    assert sklearn_version(path) == installed_version()


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_the_version_is_read_from_what_joblib_writes(tmp_path: Path, model: Any, compress) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(model, path, compress=compress)
    assert sklearn_version(path) == installed_version()


@pytest.mark.parametrize("content", [b"", b"x\x9c broken", b"\x1f\x8b broken", b"BZh", pickle.dumps([1])])
def test_a_file_without_a_version_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(content)
    assert sklearn_version(path) is None


def test_a_version_across_two_pieces_is_found(tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoringhost.checking.pickles.CHUNK_BYTES", 7)
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(model))
    assert sklearn_version(path) == installed_version()


def written_by(version: str, folder: Path, model: Any) -> None:
    installed = installed_version() or ""
    old, new = (bytes([0x8C, len(text)]) + text.encode() for text in (installed, version))
    content = pickle.dumps(model, 4)
    assert old in content
    (folder / "model.pkl").write_bytes(content.replace(old, new))


@pytest.mark.parametrize(("version", "severity"), [("0.24.2", "warning"), ("1.0", "warning")])
def test_another_version_is_a_finding_that_says_what_to_install(
    tmp_path: Path, model: Any, version: str, severity: str
) -> None:
    written_by(version, tmp_path, model)
    [finding] = foreign_versions([tmp_path])
    assert (finding.severity.value, finding.file) == (severity, tmp_path / "model.pkl")
    assert f"pip install scikit-learn=={version}" in finding.remedy


def test_another_patch_is_a_hint(tmp_path: Path, model: Any) -> None:
    written_by(".".join([*(installed_version() or "").split(".")[:2], "99"]), tmp_path, model)
    assert [finding.severity.value for finding in foreign_versions([tmp_path])] == ["hint"]


def test_the_same_version_is_left_alone(tmp_path: Path, model: Any) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    assert list(foreign_versions([tmp_path, tmp_path / "nowhere"])) == []
