"""Folders with a score.py, as zips."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.mls import zipped
from scoringhost.hub.mls.zipped import write_folder
from tests.unit.hub.mls.conftest import Answered, MlsWorld, RunMls

SCRIPT = "def init(): pass\ndef run(data): return data\n"


def zip_of(*members: tuple[str | zipfile.ZipInfo, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members:
            archive.writestr(name, text)
    return content.getvalue()


def _of_mode(name: str, mode: int) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = mode << 16
    return found


FOLDER = zip_of(("score.py", SCRIPT), ("model/weights.txt", "1 2"))


async def _send(world: MlsWorld, method: str, target: str, body: bytes, by: str = "carl") -> Answered:
    return await world.call(method, target, body, by=by, kind="application/zip")


def test_a_folder_is_published_and_listed_like_any_other(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        assert await _send(world, "POST", "/services/s/1?description=of%20wine", FOLDER) == (201, "1")
        assert (world.folder("s") / "score.py").read_text() == SCRIPT
        assert (world.folder("s") / "model" / "weights.txt").read_text() == "1 2"
        [shown] = (await world.call("GET", "/services/s")).body
        assert (shown["version"], shown["description"], shown["versionPublishedBy"]) == ("1", "of wine", "carl")
        assert shown["outputParameterDefinitions"] == [{"name": "result", "type": "character"}]
        assert (await _send(world, "POST", "/services/s/1", FOLDER)).status == 409
        made = await _send(world, "POST", "/services/s", FOLDER)
        assert (made.status, len(made.body)) == (201, 36)

    run_mls(work)


def test_another_folder_takes_its_place_and_the_description_stays(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        await _send(world, "POST", "/services/s/1?description=first", FOLDER)
        assert await _send(world, "PATCH", "/services/s/1", zip_of(("score.py", "new = 1\n"))) == (200, "1")
        assert (world.folder("s") / "score.py").read_text() == "new = 1\n"
        assert not (world.folder("s") / "model").exists()
        assert (await world.call("GET", "/services/s/1")).body[0]["description"] == "first"
        assert (await world.call("PATCH", "/services/s/1", {"description": "second"})).status == 200
        assert (await world.call("GET", "/services/s/1")).body[0]["description"] == "second"
        assert (await world.call("PATCH", "/services/s/1", {"code": "y = 1"})).status == 400

    run_mls(work)


@pytest.mark.parametrize(("who", "status"), [("rita", 403), ("cora", 403), ("olga", 200)])
def test_only_who_may_change_a_service_puts_another_folder_there(run_mls: RunMls, who: str, status: int) -> None:
    async def work(world: MlsWorld) -> None:
        await _send(world, "POST", "/services/s/1", FOLDER)
        assert (await _send(world, "PATCH", "/services/s/1", FOLDER, by=who)).status == status

    run_mls(work)


def test_a_reader_publishes_none_and_nothing_is_left_of_it(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        assert (await _send(world, "POST", "/services/s/1", FOLDER, by="rita")).status == 403
        assert (await _send(world, "POST", "/services/s/1", b"no zip")).status == 400
        assert (await world.call("GET", "/services")).body == []
        making = world.home / "mlserver" / "making"
        assert not making.exists() or list(making.iterdir()) == []

    run_mls(work)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "0 bytes"),
        (b"no zip at all", "not a zip file"),
        (FOLDER[:-30], "not a zip file"),
        (zip_of(("main.py", SCRIPT)), "main.py"),
        (zip_of(("folder/score.py", SCRIPT)), "folder"),
        (zip_of(("score.py", SCRIPT), ("../elsewhere.py", "")), "elsewhere"),
        (zip_of(("score.py", SCRIPT), ("/elsewhere.py", "")), "elsewhere"),
        (zip_of(("score.py", SCRIPT), ("a\\..\\b", "")), "not in the folder"),
        (zip_of(("score.py", SCRIPT), ("a", ""), ("a/b", "")), "score.py"),
        (zip_of(("score.py", SCRIPT), (_of_mode("link", stat.S_IFLNK | 0o777), "/etc/passwd")), "neither a file"),
        (zip_of(("score.py", SCRIPT), (_of_mode("pipe", stat.S_IFIFO | 0o644), "")), "neither a file"),
    ],
    ids=["empty", "text", "cut off", "no script", "a folder around", "above", "absolute", "backslashes",
         "file and folder", "link", "pipe"],
)  # fmt: skip
def test_what_is_no_such_folder_is_refused(tmp_path: Path, content: bytes, named: str) -> None:
    with pytest.raises(ValueRefused, match="a zip of a folder with a score.py in it") as caught:
        write_folder(content, tmp_path / "new" / "app")
    assert named in str(caught.value)
    assert not (tmp_path / "elsewhere.py").exists()
    assert not (tmp_path / "new" / "elsewhere.py").exists()


def test_an_archive_that_would_be_too_large_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "MOST_BYTES", len(SCRIPT) - 1)
    with pytest.raises(ValueRefused, match="at most"):
        write_folder(zip_of(("score.py", SCRIPT)), tmp_path / "app")
    assert not (tmp_path / "app").exists()


def test_a_file_that_is_larger_than_its_archive_says_is_refused(tmp_path: Path) -> None:
    found = zip_of(("score.py", SCRIPT), ("zeros", "0" * 1_000_000))
    # The size of the last member, unpacked, in its entry at the end (APPNOTE 4.3.12, 24 bytes from its beginning).
    at = found.rindex(b"PK\x01\x02") + 24
    with pytest.raises(ValueRefused, match="zeros"):
        write_folder(found[:at] + (10).to_bytes(4, "little") + found[at + 4 :], tmp_path / "app")
    assert (tmp_path / "app" / "zeros").stat().st_size <= 10


def test_what_may_be_run_stays_so(tmp_path: Path) -> None:
    write_folder(zip_of(("score.py", SCRIPT), (_of_mode("tool.sh", 0o100755), "true")), tmp_path / "app")
    assert (tmp_path / "app" / "tool.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "app" / "score.py").stat().st_mode & 0o777 == 0o644


def test_a_description_of_a_service_that_is_none_does_not_spoil_the_list(run_mls: RunMls) -> None:
    async def work(world: MlsWorld) -> None:
        for at, text in enumerate(("[]", "{}", '{"runtimeType": "Python", "operationId": "a b"}', "null", "x")):
            content = zip_of(("score.py", SCRIPT), ("webservice.json", text))
            assert (await _send(world, "POST", f"/services/s{at}/1", content)).status == 201
        found = await world.call("GET", "/services")
        assert (found.status, len(found.body)) == (200, 5)

    run_mls(work)
