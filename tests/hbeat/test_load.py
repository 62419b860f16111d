from __future__ import annotations

import os
from pathlib import Path

import pytest

from hbeat.config.errors import ConfigError
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
