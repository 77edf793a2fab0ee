"""The requirements of an MLflow model folder."""

from __future__ import annotations

from pathlib import Path

from scoringhost.checking.requirements import unmet_requirements


def _folder(tmp_path: Path, requirements: str) -> Path:
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "requirements.txt").write_text(requirements)
    return tmp_path


def test_what_is_not_installed_or_of_another_version_is_one_finding(tmp_path: Path) -> None:
    wanted = "numpy==0.1\nno-such-package>=2  # of ours\nclick\n\n-r other.txt\nabsent; python_version < '3'\n"
    (finding,) = unmet_requirements(_folder(tmp_path, wanted))
    assert "numpy==0.1 (" in finding.message
    assert "no-such-package>=2 (not installed)" in finding.message
    assert "click" not in finding.message
    assert "absent" not in finding.message


def test_requirements_that_are_met_are_no_finding(tmp_path: Path) -> None:
    assert not list(unmet_requirements(_folder(tmp_path, "click>=8\n")))


def test_a_folder_that_is_no_mlflow_model_has_none(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-package\n")
    assert not list(unmet_requirements(tmp_path))
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "requirements.txt").unlink()
    assert not list(unmet_requirements(tmp_path))
