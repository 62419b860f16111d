from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hbeat.core.hello import FIELD, MAX_LENGTH, MAX_VIEWS, Hello, hello_in
from hbeat.core.model import Held
from hbeat.core.sync_news import SAMPLE_SIZE, SyncNews
from hbeat.core.wire import Field, Message
from hbeat.load import load
from hbeat.shared_files import MOST_FILES, SharedFiles

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


def test_of_many_director_files_one_digest_is_told(directory: Path) -> None:
    names = [f"farm{number}.cf" for number in range(40)]
    for name in names:
        (directory / name).write_text(DIRECTOR)
    resources = " ".join(f"ldirectord::{name}" for name in names)
    (directory / "haresources").write_text(f"test1.com {resources} 10.1.1.10\n")
    before = digests(directory)
    assert before.keys() == {"authkeys", "haresources", "ldirectord-files"}
    (directory / "farm7.cf").write_text(DIRECTOR.replace("236", "237"))
    assert digests(directory)["ldirectord-files"] != before["ldirectord-files"]


def test_what_is_told_of_any_configuration_is_read_by_the_other_node(directory: Path) -> None:
    names = [f"{'x' * 20}{number}.cf" for number in range(MOST_FILES)]
    resources = " ".join(f"ldirectord::{name}" for name in names)
    (directory / "haresources").write_text(f"test1.com {resources} 10.1.1.10\n")
    keys = "".join(f"{number} sha1 SECRET\n" for number in range(16))
    (directory / "authkeys").write_text(f"auth 1\n{keys}")
    files = SharedFiles(load(directory), directory).digests
    assert len(files) == 2 + MOST_FILES
    views = tuple((f"{number:08x}", True) for number in range(2 * MAX_VIEWS))
    nonce, sample = "0123456789abcdef.123456789", ("0123456789ab",) * SAMPLE_SIZE
    sync = SyncNews(255, 999_999_999, 999_999_999, sample, 999_999_999, 999_999_999)
    hello = Hello(nonce, (nonce,) * 8, True, Held.FOREIGN, True, files, 9999, views, sync)
    text = hello.text().encode()
    assert len(text) <= MAX_LENGTH
    read = hello_in(Message((Field(FIELD, text),)))
    assert read == replace(hello, views=views[:MAX_VIEWS])
