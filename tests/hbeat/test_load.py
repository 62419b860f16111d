from __future__ import annotations

import os
from pathlib import Path

import pytest

from hbeat.config.errors import ConfigError
from hbeat.core.model import SyncPlan
from hbeat.load import load, node_name

HA_CF = "ucast eth0 10.1.1.3\nkeepalive 1\ndeadtime 10\nauto_failback on\nnode test1.com test2.com\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "nodeinfo").write_text("TEST1.com\n")
    (tmp_path / "ha.cf").write_text(HA_CF)
    (tmp_path / "haresources").write_text("test1.com 10.1.1.10\n")
    (tmp_path / "authkeys").write_text("auth 1\n1 sha1 SECRET\n")
    (tmp_path / "authkeys").chmod(0o600)
    return tmp_path


def test_name_is_nodeinfo_or_that_of_the_machine_in_lower_case(directory: Path, tmp_path: Path) -> None:
    assert node_name(directory) == "test1.com"
    (directory / "nodeinfo").unlink()
    assert node_name(directory) == os.uname().nodename.lower()


def test_good_files_become_one_value(directory: Path) -> None:
    config = load(directory)
    assert (config.node, config.keys.active, config.groups[0].key) == ("test1.com", 1, "10.1.1.10")


def test_problems_of_all_files_are_told_together(directory: Path) -> None:
    (directory / "ha.cf").write_text(HA_CF.replace("deadtime 10", "deadtime 1"))
    (directory / "authkeys").chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        load(directory)
    text = str(caught.value)
    assert "ha.cf:3:" in text
    assert "chmod 600" in text


def test_missing_file_is_named_with_its_cure(directory: Path) -> None:
    (directory / "haresources").unlink()
    with pytest.raises(ConfigError, match="haresources: cannot be read: No such file"):
        load(directory)


def test_three_nodes_are_refused(directory: Path) -> None:
    (directory / "ha.cf").write_text(HA_CF + "node test3.com\n")
    with pytest.raises(ConfigError, match="3 nodes"):
        load(directory)


def test_hbeat_yaml_is_read_when_it_is_there(directory: Path) -> None:
    assert load(directory).safety.vip_lease == 1
    (directory / "hbeat.yaml").write_text("vip_lease: off\n")
    assert load(directory).safety.vip_lease is None


def test_error_in_hbeat_yaml_is_told_with_the_others(directory: Path) -> None:
    (directory / "authkeys").chmod(0o644)
    (directory / "hbeat.yaml").write_text("keeper: maybe\n")
    with pytest.raises(ConfigError, match=r"(?s)chmod 600.*hbeat.yaml:1: keeper"):
        load(directory)


FILES = ["ha.cf", "haresources", "authkeys", "hbeat.yaml"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("character", "\0\x01\x1b\x7f")
def test_control_character_is_refused_with_its_line_and_the_cure(file: str, character: str, directory: Path) -> None:
    path = directory / file
    before = path.read_text() if path.exists() else "vip_lease: off\n"
    path.write_text(f"{before}# a{character}b\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=rf"{file}:{before.count(chr(10)) + 1}: .*(control character|NUL).*; ."):
        load(directory)


@pytest.mark.parametrize("blank", ["\t", "\f", "\r"])
def test_blanks_of_old_editors_are_no_error(blank: str, directory: Path) -> None:
    (directory / "ha.cf").write_text(HA_CF.replace("\n", f"{blank}\n"))
    assert load(directory).ha.nodes == ("test1.com", "test2.com")


@pytest.mark.parametrize("file", [*FILES, "nodeinfo"])
def test_fifo_in_the_place_of_a_file_is_refused_without_waiting_for_a_writer(file: str, directory: Path) -> None:
    (directory / file).unlink(missing_ok=True)
    os.mkfifo(directory / file, 0o600)
    with pytest.raises(ConfigError, match=f"{file}: cannot be read: it is not a regular file; put a text file there"):
        load(directory)


@pytest.mark.parametrize("file", [*FILES, "nodeinfo"])
def test_huge_file_is_refused_without_being_read(file: str, directory: Path) -> None:
    with open(directory / file, "wb") as sparse:
        sparse.truncate(1 << 40)
    (directory / file).chmod(0o600)
    with pytest.raises(ConfigError, match=f"{file}: cannot be read: it has more than 256 KiB; "):
        load(directory)


def test_folder_in_the_place_of_a_file_is_refused(directory: Path) -> None:
    (directory / "authkeys").unlink()
    (directory / "authkeys").mkdir()
    with pytest.raises(ConfigError, match="authkeys: cannot be read: "):
        load(directory)


@pytest.mark.parametrize("name", [b"test1.c\xf6m\n", b"test1.com\ntest2.com\n", b"test1\0.com\n", b"test 1\n"])
def test_nodeinfo_that_is_not_one_name_is_refused_with_the_cure(name: bytes, directory: Path) -> None:
    (directory / "nodeinfo").write_bytes(name)
    with pytest.raises(ConfigError, match=r"nodeinfo:1: .* is not one name in plain letters; write this node's name"):
        load(directory)


def test_file_full_of_errors_is_read_no_further_than_the_hundredth(directory: Path) -> None:
    (directory / "ha.cf").write_text("x\n" * 100_000)
    with pytest.raises(ConfigError) as caught:
        load(directory)
    assert [problem.line for problem in caught.value.problems] == list(range(1, 101))


def test_connection_sync_beside_its_resource_is_refused_with_both_places(directory: Path) -> None:
    (directory / "hbeat.yaml").write_text("keeper: on\nconnection_sync: eth1/5\n")
    assert load(directory).sessions.connection_sync == SyncPlan("eth1", 5)
    (directory / "haresources").write_text("# here\ntest1.com 10.1.1.10 LVSSyncDaemonSwap::master\n")
    with pytest.raises(
        ConfigError, match=r"hbeat\.yaml:2: .*LVSSyncDaemonSwap::master in line 2 of haresources"
    ) as caught:
        load(directory)
    assert "remove one of them, on both nodes" in str(caught.value)
