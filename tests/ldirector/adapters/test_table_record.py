"""The file beside the pid file, on a real file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ldirector.adapters.table_record import TableRecord
from ldirector.core.model import VirtualKey

WEB = VirtualKey("tcp", 4, "10.1.1.10", 80)
DNS = VirtualKey("udp", 4, "10.1.1.10", 53)


class Folder:
    """A run directory and what was complained of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.complaints: list[str] = []
        self.file = path / "ldirectord.x.cf.table"

    def record(self, name: str = "x.cf") -> TableRecord:
        """Of the next life of an instance."""
        return TableRecord(self.path / f"ldirectord.{name}.table", self.complaints.append)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_next_life_reads_what_this_one_wrote(folder: Folder) -> None:
    assert folder.record().read() == frozenset()
    folder.record().keep([WEB, DNS])
    assert folder.record().read() == {WEB, DNS}
    assert folder.file.stat().st_mode & 0o777 == 0o600
    assert folder.complaints == []


def test_file_is_there_only_while_something_is_ours(folder: Folder) -> None:
    record = folder.record()
    record.keep([])
    record.keep([WEB])
    record.keep([])
    assert list(folder.path.iterdir()) == []
    assert folder.complaints == []


def test_same_again_is_not_written_again(folder: Folder) -> None:
    record = folder.record()
    record.keep([WEB])
    before = folder.file.stat().st_ino
    record.keep([WEB])
    assert folder.file.stat().st_ino == before


def test_what_another_instance_has_written_is_not_ours(folder: Folder) -> None:
    folder.record("x.cf").keep([WEB, DNS])
    folder.record("y.cf").keep([WEB])
    assert folder.record("x.cf").read() == {DNS}


@pytest.mark.parametrize("damage", ["cut", "other bytes", "empty", "binary", "folder", "link"])
def test_damaged_file_is_named_with_what_follows_and_says_nothing(folder: Folder, damage: str) -> None:
    folder.record().keep([WEB])
    content = folder.file.read_bytes()
    folder.file.unlink()
    if damage == "folder":
        folder.file.mkdir()
    elif damage == "link":
        (folder.path / "elsewhere").write_bytes(content)
        folder.file.symlink_to(folder.path / "elsewhere")
    else:
        what = {"cut": content[:-1], "other bytes": content.replace(b"80", b"81"), "empty": b"", "binary": b"\xff\x00"}
        folder.file.write_bytes(what[damage])
    assert folder.record().read() == frozenset()
    (complaint,) = folder.complaints
    assert str(folder.file) in complaint
    assert "stays there: ipvsadm -Ln shows it" in complaint


def test_nothing_is_written_through_a_link_that_somebody_planted(folder: Folder) -> None:
    victim = folder.path / "victim"
    victim.write_text("precious")
    for planted in (folder.path / f"{folder.file.name}.new", folder.file):
        planted.symlink_to(victim)
    folder.record().keep([WEB])
    assert victim.read_text() == "precious"
    assert not folder.file.is_symlink()
    assert folder.record().read() == {WEB}


def test_file_that_cannot_be_written_is_told_once_and_tried_again(folder: Folder) -> None:
    record = folder.record()
    os.rename(folder.path, folder.path.with_name("away"))
    record.keep([WEB])
    record.keep([DNS])
    os.rename(folder.path.with_name("away"), folder.path)
    record.keep([DNS])
    assert folder.record().read() == {DNS}
    assert len(folder.complaints) == 1
    assert f"{folder.file} cannot be written: No such file or directory" in folder.complaints[0]
