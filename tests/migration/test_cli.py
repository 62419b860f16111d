from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from migration.cli import main

SAMPLES = Path(__file__).parents[2] / "etc/ha.d"


def test_check_tells_nodes_addresses_and_the_table(capsys):
    assert main(["check", str(SAMPLES)]) == 0
    shown = capsys.readouterr().out
    assert "node test2.com: eth0 10.1.1.3/24, eth1 192.168.2.242/24" in shown
    assert "virtual address 10.1.1.10 belongs to test1.com" in shown
    assert "    -> 192.168.2.236:80             Masq    1      0          0" in shown


def test_errors_go_to_stderr_with_exit_status_1(tmp_path, capsys):
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "ha.cf").write_text("keepalive 2s\n")
    assert main(["check", str(tmp_path)]) == 1
    assert "ha.cf:1: keepalive 2s is not a time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("haresources", "ldirectord::ldirectord.cf ", "", "no virtual over TCP in ldirectord.cf"),
        ("ha.cf", "ucast eth0 10.1.1.2\n", "", "1 ucast address for eth0, so the file is good for one node only"),
        ("ldirectord.cf", " masq", " ipip", "forwarding by tunnel (ipip) is not rehearsed"),
    ],
)
def test_what_cannot_be_rehearsed_is_no_fault_of_the_files(tmp_path, capsys, file, old, new, told):
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    assert main(["check", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert told in shown
    assert "node test2.com\n" in shown
    assert "virtual address 10.1.1.10 belongs to test1.com" in shown
    assert main(["rehearse", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["check", "/nonexistent"], ["rehearse", str(SAMPLES), "--steps", "dance"]])
def test_bad_usage_is_exit_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: hbeat-migrate" in capsys.readouterr().err


def test_the_machines_own_kernel_must_have_ip_vs(monkeypatch, capsys):
    monkeypatch.setattr("migration.lab_places.IPVS", Path("/nonexistent"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert main(["rehearse", str(SAMPLES), "--host"]) == 2
    assert "this kernel has no ip_vs (try: modprobe ip_vs)" in capsys.readouterr().err
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["rehearse", str(SAMPLES), "--host"]) == 2
    assert "need root; leave out --host" in capsys.readouterr().err
