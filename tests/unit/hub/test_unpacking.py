"""Archives that clients send: what is in them is written into their folder, and nothing anywhere else."""

import io
import tarfile
from pathlib import Path

import pytest

from scoringhost.hub.errors import ValueRefused
from scoringhost.hub.unpacking import unpack


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, content in members:
            if info.size > len(content):  # tarfile itself writes no head that promises more than there is
                archive.fileobj.write(info.tobuf())
                continue
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if content else None)
    return path


def test_files_folders_and_links_within_are_written(tmp_path: Path) -> None:
    program = member("app/bin/run.sh")
    program.mode = 0o4755
    archive = packed(
        tmp_path / "a.part",
        (member("./app", tarfile.DIRTYPE), b""),
        (program, b"#!"),
        (member("app/score.py"), "ä".encode()),
        (member("app/soft", tarfile.SYMTYPE, "score.py"), b""),
        (member("app/hard", tarfile.LNKTYPE, "app/score.py"), b""),
    )
    folder = tmp_path / "out"
    folder.mkdir()
    unpack(archive, folder)
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {"app/bin/run.sh": "#!", "app/score.py": "ä", "app/soft": "ä", "app/hard": "ä"}
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert (folder / "app/bin/run.sh").stat().st_mode & 0o7777 == 0o755


HOSTILE = {
    "a name above the folder": [(member("../out.py"), b"x")],
    "an absolute name": [(member("/tmp/scoringhost-out.py"), b"x")],
    "a link to a file of the machine": [(member("s", tarfile.SYMTYPE, "/etc/hostname"), b"")],
    "a hard link to one": [(member("s", tarfile.LNKTYPE, "/etc/hostname"), b"")],
    "a file below a link out": [(member("d", tarfile.SYMTYPE, ".."), b""), (member("d/out.py"), b"x")],
    "links that lead to each other": [
        (member("a", tarfile.SYMTYPE, "b"), b""),
        (member("b", tarfile.SYMTYPE, "a"), b""),
    ],
    "a device": [(member("d", tarfile.CHRTYPE), b"")],
    "a pipe": [(member("p", tarfile.FIFOTYPE), b"")],
    "a name that is too long": [(member("n" * 300), b"x")],
    "a file where a folder is": [(member("a/b"), b"x"), (member("a"), b"x")],
    "a size that is not there": [(member("a", size=1 << 40), b"")],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_would_be_elsewhere_or_is_no_file_is_refused(tmp_path: Path, what: str) -> None:
    archive = packed(tmp_path / "a.part", *HOSTILE[what])
    folder = tmp_path / "in" / "out"
    folder.mkdir(parents=True)
    with pytest.raises(ValueRefused, match="upload"):
        unpack(archive, folder)
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["out"]


def test_a_sparse_file_that_says_it_is_terabytes_is_refused(tmp_path: Path) -> None:
    info = member("s")
    info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 42)}
    archive = packed(tmp_path / "a.part", (info, b"x"))
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueRefused, match="sparse"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b" + b"0" * 600])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.part").write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueRefused, match="tar archive"):
        unpack(tmp_path / "a.part", tmp_path / "out")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.part", (member("a"), b"0" * 1_000_000), mode="w:gz")
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueRefused, match="uncompressed"):
        unpack(archive, tmp_path / "out")
