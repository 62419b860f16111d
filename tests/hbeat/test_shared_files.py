from __future__ import annotations

import os
from pathlib import Path

import pytest

from hbeat.load import load
from hbeat.shared_files import SharedFiles

DIRECTOR = "virtual=10.1.1.10:80\n\treal=192.168.2.236:80 masq\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "nodeinfo").write_text("test1.com\n")
    (tmp_path / "ha.cf").write_text("ucast eth0 10.1.1.3\nauto_failback on\nnode test1.com test2.com\n")
    (tmp_path / "haresources").write_text("test1.com ldirectord::ldirectord.cf 10.1.1.10\n")
    (tmp_path / "authkeys").write_text("auth 1\n1 sha1 SECRET\n3 sha1 NEXT\n")
    (tmp_path / "authkeys").chmod(0o600)
    (tmp_path / "ldirectord.cf").write_text(DIRECTOR)
    return tmp_path


def digests(directory: Path) -> dict[str, str]:
    return dict(SharedFiles(load(directory), directory).digests)


def test_haresources_keys_and_each_director_file_are_told(directory: Path) -> None:
    told = digests(directory)
    assert told.keys() == {"authkeys", "haresources", "ldirectord.cf"}
    assert told["authkeys"] == "1,3"
    assert "SECRET" not in str(told)


def test_remarks_and_blanks_are_no_difference(directory: Path) -> None:
    before = digests(directory)
    (directory / "haresources").write_text("# ours\ntest1.com   ldirectord::ldirectord.cf \t10.1.1.10\n")
    (directory / "ldirectord.cf").write_text(f"# ours\n\n{DIRECTOR}  \n".replace("masq", "masq  "))
    assert digests(directory) == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("haresources", "test2.com ldirectord::ldirectord.cf 10.1.1.10\n"),
        ("haresources", "test1.com ldirectord::ldirectord.cf 10.1.1.11\n"),
        ("ldirectord.cf", DIRECTOR.replace("236", "237")),
        ("ldirectord.cf", DIRECTOR.replace("\treal", "real")),
    ],
)
def test_anything_that_counts_is_a_difference(file: str, text: str, directory: Path) -> None:
    before = digests(directory)
    (directory / file).write_text(text)
    after = digests(directory)
    assert {name for name in before if before[name] != after[name]} == {file}


def test_a_changed_director_file_is_noticed_without_a_reload(directory: Path) -> None:
    shared = SharedFiles(load(directory), directory)
    assert not shared.look()
    (directory / "ldirectord.cf").write_text(DIRECTOR.replace("236", "237"))
    assert shared.look()
    assert not shared.look()
    (directory / "ldirectord.cf").unlink()
    assert shared.look()
    assert dict(shared.digests)["ldirectord.cf"] == "unreadable"


def test_a_file_that_was_only_touched_is_no_change(directory: Path) -> None:
    shared = SharedFiles(load(directory), directory)
    os.utime(directory / "ldirectord.cf", (1, 1))
    assert not shared.look()
