"""From what a service names to its interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from scoringhost.fleet.environments.errors import EnvironmentFailed
from scoringhost.fleet.environments.own import own_code
from scoringhost.fleet.environments.pythons import probe

LIMIT_S = 120.0

pytestmark = pytest.mark.slow  # uv makes one in a second or two, and pip in ten or more


def seen_by(python: Path, program: str) -> str:
    done = subprocess.run([python, "-I", "-c", program], check=True, capture_output=True, encoding="utf-8")
    return done.stdout.strip()


def requirements(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "requirements.txt"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def bare_venv(folder: Path, environ: dict[str, str]) -> Path:
    """A virtual environment without pip and without anything else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, env=environ)
    return folder


# -- requirements.txt -----------------------------------------------------------------------------


def test_two_services_have_two_versions_of_a_package_and_the_running_scoringhost(making: Any, tmp_path: Path) -> None:
    one = making.make(requirements(tmp_path / "one", "ours==1.0"))
    two = making.make(requirements(tmp_path / "two", "ours==2.0"))
    assert [seen_by(python, "import ours; print(ours.version)") for python in (one, two)] == ["1.0", "2.0"]
    assert [probe(python, making.environ).code for python in (one, two)] == [own_code()] * 2
    assert any("was made in" in line for line in making.news)


def test_the_same_content_is_made_once_wherever_it_is(making: Any, tmp_path: Path) -> None:
    first = making.make(requirements(tmp_path / "one", "ours==1.0"))
    told = len(making.news)
    second = making.make(requirements(tmp_path / "two", "# the same", "", "ours==1.0"))
    assert (second, making.news[told:]) == (first, [])


def test_a_file_that_it_includes_counts_as_well(making: Any, tmp_path: Path) -> None:
    path = requirements(tmp_path / "one", "ours", "-c limits.txt")
    limits = path.with_name("limits.txt")
    limits.write_text("ours<2\n")
    old = making.make(path)
    limits.write_text("ours>=2\n")
    new = making.make(path)
    assert [seen_by(python, "import ours; print(ours.version)") for python in (old, new)] == ["1.0", "2.0"]


def test_extras_of_ours_are_installed_with_it(making: Any, tmp_path: Path) -> None:
    python = making.make(requirements(tmp_path / "one", "ours"), "conda")
    installed = {name.lower() for name in probe(python, making.environ).installed}
    assert {"ours", "pyyaml", "numpy", "scoringhost"} <= installed


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("numpy==1.26.4", ["numpy>=2.0", "numpy==1.26.4"]),
        ("scoringhost==9", ["scoringhost==9 is asked for, but scoringhost 0.1.0 is running"]),
    ],
)
def test_a_clash_with_what_we_need_is_named_and_nothing_is_left(
    making: Any, tmp_path: Path, line: str, named: list[str]
) -> None:
    with pytest.raises(EnvironmentFailed) as raised:
        making.make(requirements(tmp_path / "one", line))
    assert [word for word in named if word not in str(raised.value)] == []
    assert making.kept() == []


def test_a_package_that_there_is_none_of_is_named(making: Any, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="no-such-package"):
        making.make(requirements(tmp_path / "one", "no-such-package"))
    assert making.kept() == []


def test_lines_with_digests_are_taken_by_uv(making: Any, tmp_path: Path, wheels: Path) -> None:
    from scoringhost.fleet.environments.archive import digest_of

    digest = digest_of(wheels / "ours-1.0-py3-none-any.whl")
    python = making.make(requirements(tmp_path / "one", f"ours==1.0 --hash=sha256:{digest}"))
    assert seen_by(python, "import ours; print(ours.version)") == "1.0"


def test_azure_mls_server_is_left_out_and_it_is_said(making: Any, tmp_path: Path) -> None:
    making.make(requirements(tmp_path / "one", "azureml-defaults==1.56", "ours"))
    assert "azureml-defaults==1.56 is left out: scoringhost stands in for it" in making.news


def test_of_two_that_want_the_same_one_makes_it_and_the_other_waits(making: Any, tmp_path: Path) -> None:
    path = requirements(tmp_path / "one", "ours")
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(making.make(path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert found[0] == found[1]
    assert len([line for line in making.news if line.startswith("was made")]) == 1


def test_one_that_was_left_half_made_is_made_anew(making: Any, tmp_path: Path) -> None:
    path = requirements(tmp_path / "one", "ours")
    python = making.make(path)
    (folder,) = making.kept()
    (folder / "environment.json").unlink()
    (folder / "rubbish").write_text("of somebody who was killed")
    assert making.make(path) == python
    assert not (folder / "rubbish").exists()


def test_one_whose_python_has_gone_is_made_anew(making: Any, tmp_path: Path) -> None:
    path = requirements(tmp_path / "one", "ours")
    python = making.make(path)
    python.unlink()
    assert making.make(path) == python
    assert seen_by(python, "import ours; print(ours.version)") == "2.0"


@pytest.mark.drill
def test_without_uv_pip_does_it(making: Any, tmp_path: Path) -> None:
    (tmp_path / "programs" / "uv").unlink()
    python = making.make(requirements(tmp_path / "one", "scoringhost[conda]>=0.1", "ours==1.0"))
    assert seen_by(python, "import ours; print(ours.version)") == "1.0"
    probed = probe(python, making.environ)
    assert probed.code == own_code()
    assert "pyyaml" in {name.lower() for name in probed.installed}
    with pytest.raises(EnvironmentFailed, match=r"(?s)numpy==1\.26\.4.*scoringhost 0\.1\.0 depends on numpy>=2\.0"):
        making.make(requirements(tmp_path / "two", "numpy==1.26.4"))
    assert len(making.kept()) == 1


# -- conda files ----------------------------------------------------------------------------------


def conda_yml(folder: Path, *dependencies: Any) -> Path:
    path = folder / "conda.yml"
    path.write_text(json.dumps({"name": "wine", "channels": ["conda-forge"], "dependencies": list(dependencies)}))
    return path


def test_a_conda_file_with_python_and_pip_alone_needs_no_conda(making: Any, tmp_path: Path) -> None:
    own = f"python={sys.version_info[0]}.{sys.version_info[1]}"
    python = making.make(conda_yml(tmp_path, own, "pip", {"pip": ["azureml-defaults", "ours==1.0"]}))
    assert seen_by(python, "import ours; print(ours.version)") == "1.0"


def test_packages_of_condas_need_conda(making: Any, tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentFailed, match=r"asks conda for numpy=2.1, conda-forge::libgcc, and there is no micro"
    ):
        making.make(conda_yml(tmp_path, "python", "numpy=2.1", "conda-forge::libgcc", {"pip": ["ours"]}))


CONDA = """#!{python}
import json, subprocess, sys
assert sys.argv[1:4] == ["env", "create", "-p"] and sys.argv[5] == "-f", sys.argv
wanted = json.load(open(sys.argv[6]))
print("Executing transaction: done")
subprocess.run(["uv", "venv", "--quiet", "--python", {python!r}, sys.argv[4]], check=True)
named = [one.replace("=", "==") for one in wanted["dependencies"] if one.startswith("ours")]
subprocess.run(["uv", "pip", "install", "--quiet", "--python", sys.argv[4], *named], check=True)
json.dump(wanted, open({seen!r}, "w"))
"""


def test_where_conda_is_it_makes_the_environment_and_pip_changes_nothing_that_was_named(
    making: Any, tmp_path: Path
) -> None:
    conda, seen = tmp_path / "programs" / "conda", tmp_path / "seen.json"
    conda.write_text(CONDA.format(python=sys.executable, seen=str(seen)))
    conda.chmod(0o755)
    python = making.make(conda_yml(tmp_path, "ours=1.0", {"pip": ["azureml-defaults", "httptools"]}))
    wanted = json.loads(seen.read_text())
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert wanted["dependencies"] == ["ours=1.0", f"python={version}", "pip"]
    assert wanted["channels"] == ["conda-forge"]
    assert seen_by(python, "import ours, httptools; print(ours.version)") == "1.0"
    assert probe(python, making.environ).code == own_code()
    assert "Executing transaction: done" in making.news
    with pytest.raises(EnvironmentFailed, match="ours"):
        making.make(conda_yml(tmp_path, "ours=1.0", {"pip": ["ours>=2"]}))


# -- what is there already ------------------------------------------------------------------------


def test_this_python_will_do_as_a_path_and_as_a_folder(making: Any) -> None:
    python = Path(sys.executable)
    assert making.make(python) == python
    assert making.make(Path(sys.prefix)) == Path(sys.prefix) / "bin" / "python"
    assert making.kept() == []


def test_one_without_scoringhost_says_the_command_and_the_command_helps(making: Any, tmp_path: Path) -> None:
    folder = bare_venv(tmp_path / "venv", making.environ)
    with pytest.raises(EnvironmentFailed, match="has no scoringhost; run: uv pip install") as raised:
        making.make(folder)
    subprocess.run(str(raised.value).partition("run: ")[2], shell=True, check=True, env=making.environ)
    assert making.make(folder) == folder / "bin" / "python"


def test_one_with_another_scoringhost_of_the_same_version_is_refused_and_the_command_helps(
    making: Any, tmp_path: Path
) -> None:
    folder = bare_venv(tmp_path / "venv", making.environ)
    with pytest.raises(EnvironmentFailed) as raised:
        making.make(folder)
    subprocess.run(str(raised.value).partition("run: ")[2], shell=True, check=True, env=making.environ)
    (changed,) = folder.glob("lib/python3*/site-packages/scoringhost/fleet/channel.py")
    changed.unlink()  # and not written to: uv may have linked it from its cache
    changed.write_text("# changed")
    with pytest.raises(EnvironmentFailed, match=r"has another scoringhost 0\.1\.0 than the one that is run") as raised:
        making.make(folder)
    subprocess.run(str(raised.value).partition("run: ")[2], shell=True, check=True, env=making.environ)
    assert making.make(folder) == folder / "bin" / "python"


@pytest.mark.parametrize(
    ("name", "problem"),
    [("gone.txt", "is not there"), ("notes.md", "is no environment: it may be"), ("empty", "no bin/python in it")],
)
def test_what_is_no_environment_is_refused(making: Any, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "notes.md").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EnvironmentFailed, match=problem):
        making.make(tmp_path / name)


# -- archives -------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", ["", "env/"], ids=["as conda-pack", "with its folder"])
def test_an_archive_is_unpacked_once_and_we_are_put_on_top(making: Any, tmp_path: Path, wheels: Path, top: str) -> None:
    folder = bare_venv(tmp_path / "venv", making.environ)
    install = ["uv", "pip", "install", "--python", str(folder), "ours==1.0"]
    subprocess.run(install, check=True, env=making.environ, capture_output=True)
    unpacking = folder / "bin" / "conda-unpack"
    unpacking.write_text("import sys; open(sys.prefix + '/unpacked', 'a').write('once ')")
    path = tmp_path / "environment.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inside in folder.iterdir():
            archive.add(inside, top + inside.name)
    python = making.make(path)
    assert making.make(path) == python
    assert python.is_relative_to(making.cache)
    assert seen_by(python, "import ours; print(ours.version)") == "1.0"
    assert probe(python, making.environ).code == own_code()
    assert (python.parent.parent / "unpacked").read_text() == "once "


def test_what_is_in_an_archive_is_not_changed_for_us(making: Any, tmp_path: Path) -> None:
    folder = bare_venv(tmp_path / "venv", making.environ)
    install = ["uv", "pip", "install", "--python", str(folder), "numpy==1.26.4"]
    subprocess.run(install, check=True, env=making.environ, capture_output=True)
    path = tmp_path / "environment.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, ".")
    with pytest.raises(EnvironmentFailed, match=r"(?s)numpy>=2\.0.*numpy==1\.26\.4"):
        making.make(path)
    assert making.kept() == []


def test_an_archive_that_would_use_the_machines_own_python_is_refused(making: Any, tmp_path: Path) -> None:
    # Without a pyvenv.cfg a link to a Python is that Python: what is installed would be installed there.
    path = tmp_path / "environment.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, str(Path(sys.executable).resolve())
        archive.addfile(link)
    with pytest.raises(EnvironmentFailed, match="is no environment of its own"):
        making.make(path)
    assert making.kept() == []


def test_the_variables_of_another_python_are_its_own(making: Any, tmp_path: Path) -> None:
    python = making.make(requirements(tmp_path / "one", "ours"))
    changes = probe(python, making.environ).interpreter(making.environ).environ
    assert changes["PYTHONPATH"] is None
    assert changes["VIRTUAL_ENV"] == str(python.parent.parent)
    assert str(changes["PATH"]).split(os.pathsep)[0] == str(python.parent)
