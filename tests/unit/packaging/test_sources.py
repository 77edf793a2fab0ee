"""Which files belong to an entry script: no keys, and nothing from outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoringhost.packaging.output import PackagingError
from scoringhost.packaging.sources import Sources

SECRETS = ["id_rsa", "tls.pem", "server.key", "cert.pfx", "prod.env", "credentials.json", "kubeconfig", "x.tfstate"]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """An entry script with a file beside it and a model."""
    folder = tmp_path / "service"
    (folder / "model").mkdir(parents=True)
    (folder / "score.py").write_text("def init(): ...\ndef run(data): ...\n")
    (folder / "labels.txt").touch()
    (folder / "model" / "weights.bin").touch()
    return folder


def packed(service: Path, model_dir: Path | None = None) -> list[str]:
    """The names in the package."""
    sources = Sources.of(service / "score.py", model_dir)
    return sorted(name for _, name in sources.files(service.parent / "out"))


def left_out(service: Path, model_dir: Path | None = None) -> dict[Path, str]:
    """The paths that are warned of, with the reason."""
    warnings = Sources.of(service / "score.py", model_dir).left_out(service.parent / "out")
    parts = [warning.partition(" is left out: ") for warning in warnings]
    return {Path(path): why for path, _, why in parts}


PLAIN = ["labels.txt", "model/weights.bin", "score.py"]


# BUG: all of them went into the package.
@pytest.mark.parametrize("below", [".", "config", "model", "model/deep"])
def test_keys_and_credentials_stay_behind_with_a_warning_for_each(service: Path, below: str) -> None:
    folder = service / below
    folder.mkdir(exist_ok=True)
    for name in SECRETS:
        (folder / name).write_text("secret")
    assert packed(service) == PLAIN
    warned = left_out(service)
    assert {path.name for path in warned} == set(SECRETS)
    assert all("key or a password" in why for why in warned.values())


def test_a_hidden_folder_of_keys_in_the_model_folder_stays_behind_as_a_whole(service: Path) -> None:
    for name in (".ssh/known_hosts", ".aws/config", ".git/config", ".cache/part"):
        path = service / "model" / name
        path.parent.mkdir()
        path.touch()
    assert packed(service) == [PLAIN[0], "model/.cache/part", *PLAIN[1:]]
    assert {path.name for path in left_out(service)} == {".ssh", ".aws"}  # .git as silently as __pycache__


def test_a_link_to_a_key_under_another_name_stays_behind(service: Path) -> None:
    (service / ".env").write_text("secret")
    (service / "settings.txt").symlink_to(".env")
    assert packed(service) == PLAIN
    assert set(left_out(service)) == {service / "settings.txt"}


# BUG: with a link to / it never ended, and put the whole machine into the package.
@pytest.mark.parametrize("below", [".", "model"])
@pytest.mark.parametrize("target", ["/", "/etc", "/etc/hostname", "../../outside", "../../outside/notes.txt"])
def test_links_are_not_followed_out_of_the_folder(service: Path, below: str, target: str) -> None:
    (service.parent / "outside").mkdir()
    (service.parent / "outside" / "notes.txt").touch()
    link = service / below / "link"
    link.symlink_to(service / "model" / target if target.startswith(".") else target)
    assert packed(service) == PLAIN
    [(path, why)] = left_out(service).items()
    assert path == link
    assert "a link out of" in why


def test_a_link_within_the_folder_is_followed(service: Path) -> None:
    (service / "v3").mkdir()
    (service / "v3" / "words.txt").touch()
    (service / "latest").symlink_to("v3")
    (service / "weights").symlink_to("model")
    (service / "model" / "labels.txt").symlink_to("../labels.txt")
    more = ["v3/words.txt", "latest/words.txt", "model/labels.txt", "weights/labels.txt", "weights/weights.bin"]
    assert packed(service) == sorted([*PLAIN, *more])
    assert left_out(service) == {}


# BUG: forty copies, one in the other.
def test_a_link_to_the_folder_it_is_in_ends(service: Path) -> None:
    (service / "deep").mkdir()
    (service / "deep" / "up").symlink_to("..")
    (service / "model" / "self").symlink_to(".")
    assert packed(service) == PLAIN
    assert set(left_out(service)) == {service / "deep" / "up", service / "model" / "self"}


def test_a_model_folder_that_is_itself_a_link_is_the_model(service: Path) -> None:
    (service / "model").rename(service.parent / "trained")
    (service / "model").symlink_to(service.parent / "trained")
    assert packed(service) == PLAIN
    assert packed(service, service / "model") == PLAIN
    assert left_out(service) == {}


def test_a_model_folder_that_is_the_whole_file_system_is_refused(service: Path) -> None:
    (service / "model").rename(service / "models")
    (service / "model").symlink_to("/")
    with pytest.raises(PackagingError, match="the whole file system"):
        packed(service)


# BUG: a package had the settings alone, neither the class that they name nor what it is loaded with.
def test_a_runtime_of_mlservers_kind_goes_with_all_that_is_beside_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    (folder / "model").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "model-settings.json").write_text('{"implementation": "models.Mine", "parameters": {"uri": "./model/w"}}')
    (folder / "models.py").write_text("import numpy\nimport mlserver\nimport words\n")
    (folder / "words.py").write_text("import scipy")
    for name in ("model/w", "settings.json", "tests/test_it.py"):
        (folder / name).touch()
    sources = Sources.of(folder, None)
    names = sorted(name for _, name in sources.files(tmp_path / "out"))
    assert names == ["model-settings.json", "model/w", "models.py", "settings.json", "words.py"]
    assert sources.foreign_modules(tmp_path / "out") == ["scipy"]  # scoringhost brings the others
    assert (sources.requirements() or "").startswith("pydantic==")


def test_a_runtime_of_mlservers_own_needs_what_loads_its_model(tmp_path: Path) -> None:
    (tmp_path / "model-settings.json").write_text('{"implementation": "mlserver_sklearn.SKLearnModel"}')
    (tmp_path / "model.joblib").touch()
    sources = Sources.of(tmp_path, None)
    assert sorted(name for _, name in sources.files(tmp_path / "out")) == ["model-settings.json", "model.joblib"]
    assert (sources.requirements() or "").startswith("scikit-learn==")
