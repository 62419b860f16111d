from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hbeat.core.model import Timing
from ldirector.adapters.names import SystemNames
from migration.cluster_files import ClusterFiles, ClusterFilesError, overridden, read_cluster

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "etc/ha.d"
SEED = ROOT / "tests/vectors/ultramonkey"


def read(folder: Path, **overrides: str) -> ClusterFiles:
    return read_cluster(folder, SystemNames(), overrides)


def errors(folder: Path) -> str:
    with pytest.raises(ClusterFilesError) as caught:
        read(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_one_folder_serves_both_nodes():
    files = read(SAMPLES)
    assert files.one_for_all
    assert [node.name for node in files.nodes] == ["test1.com", "test2.com"]
    assert [str(director.virtuals[0].key.address) for director in files.directors] == ["10.1.1.10"]
    assert files.warnings == ()


def test_a_folder_per_node_gives_each_its_own():
    files = read(SEED)
    assert not files.one_for_all
    assert [node.ha.media[0].address for node in files.nodes] == ["10.1.1.3", "10.1.1.2"]
    assert files.warnings == ()


def test_every_finding_of_every_file_is_told(tmp_path):
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "haresources").write_text("test3.com IPaddr::10.1.1.10\n")
    (tmp_path / "authkeys").write_text("auth 1\n")
    assert errors(tmp_path).splitlines() == [
        "authkeys:1: auth key 1 not found in keyfile; add a line 1 sha1 KEY",
        "haresources:1: bad nodename test3.com; a line begins with a node of ha.cf: test1.com, test2.com",
    ]


def test_a_missing_file_and_a_missing_node_are_told(tmp_path):
    shutil.copytree(SEED / "test1.com", tmp_path / "test1.com")
    assert "no folder for node test2.com" in errors(tmp_path)
    (tmp_path / "test1.com/ldirectord.cf").unlink()
    assert "test1.com/ldirectord.cf: cannot be read (No such file or directory)" in errors(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    assert "no ha.cf in it" in errors(tmp_path)


def test_files_that_should_be_equal_and_are_not_are_warned_of(tmp_path):
    shutil.copytree(SEED, tmp_path, dirs_exist_ok=True)
    (tmp_path / "test2.com/authkeys").write_text("auth 2\n2 sha1 OTHER\n")
    assert any("test2.com/authkeys: differs from" in warning for warning in read(tmp_path).warnings)


def test_overridden_timers_take_along_those_that_follow_from_them():
    files = read(SAMPLES, keepalive="100ms", deadtime="300ms")
    assert files.nodes[0].ha.timing == Timing(0.1, 0.15, 0.3, 12.0, 0.3)
    assert overridden("keepalive 1\nwarntime 2\nnode a\n", {"keepalive": "2"}) == "\nwarntime 2\nnode a\n\nkeepalive 2"


def test_an_error_in_hbeat_yaml_is_found(tmp_path):
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "hbeat.yaml").write_text("connection_sync: eth1/999\n")
    with pytest.raises(ClusterFilesError, match=r"hbeat\.yaml:1: connection_sync: syncid 999 is not 0 to 255"):
        read_cluster(tmp_path, SystemNames())
