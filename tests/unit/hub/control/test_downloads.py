"""Registered models over the control API, as bytes and as archives, and what becomes of them on a client."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scoringhost.hub.errors import ContentDamaged, PlaceTaken
from scoringhost.hub.received import Received
from tests.unit.hub.control.conftest import HubWorld


def test_a_file_comes_as_it_is_and_a_folder_as_an_archive(in_hub: Callable[..., None], tmp_path: Path) -> None:
    folder = tmp_path / "ridge"
    (folder / "übung" / ("x" * 120)).mkdir(parents=True)
    (folder / "run.sh").write_text("#!")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").touch()
    (folder / "übung" / ("x" * 120) / "weights").write_bytes(b"w" * 3_000_001)
    single = tmp_path / "m.bin"
    single.write_bytes(b"model")
    single.chmod(0o755)

    async def act(world: HubWorld) -> None:
        for name, path in (("whole", folder), ("single", single)):
            model = (await world.call("POST", f"/models/{name}", {"path": str(path)})).body
            sent = await world.call("GET", f"/models/{name}/versions/1/content", by="cat")
            assert sent.status == 200
            with Received(tmp_path / "out", model, replace=False) as received:
                with received.file() as file:
                    file.write(sent.body)
                got = received.put()
            assert got == tmp_path / "out" / path.name
            with pytest.raises(PlaceTaken):
                Received(tmp_path / "out", model, replace=False)
        assert (await world.call("GET", "/models/single/versions/1/content")).body == b"model"

    in_hub(act)
    files = {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    out = tmp_path / "out" / "ridge"
    assert {str(one.relative_to(out)): one.read_bytes() for one in out.rglob("*") if one.is_file()} == files
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["m.bin", "ridge"]


def test_what_is_damaged_at_the_hub_is_not_sent(in_hub: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"model")

    async def act(world: HubWorld) -> None:
        await world.call("POST", "/models/m", {"path": str(tmp_path / "m.bin")})
        (stored,) = (one for one in (world.home / "files").rglob("*") if one.is_file())
        stored.unlink()
        stored.write_bytes(b"other")
        answer = await world.call("GET", "/models/m/versions/1/content")
        assert (answer.status, answer.error["code"]) == (500, "content_damaged")
        assert (await world.call("GET", "/models/m/versions/2/content")).status == 404

    in_hub(act)


def test_what_has_changed_on_its_way_is_not_put(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights"))
    model = {"id": "m:1", "root": "../../m", "is_folder": True, "content_hash": "0" * 64}
    with Received(tmp_path / "out", model, replace=False) as received:
        with received.file() as file:
            file.write(held.getvalue())
        with pytest.raises(ContentDamaged):
            received.put()
    assert list((tmp_path / "out").iterdir()) == []
