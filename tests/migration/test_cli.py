from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from migration.cli import main

SAMPLES = Path(__file__).parents[2] / "etc/ha.d"


@pytest.fixture(autouse=True)
def no_guest_is_booted(monkeypatch):
    monkeypatch.setattr("migration.uml.run_guest", lambda *_, **__: pytest.fail("a guest was booted"))


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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--against", "pacemaker"], "no stack 'pacemaker'; there are keepalived, heartbeat"),
        (
            ["--against", "keepalived", "--faults", "dance"],
            "no fault 'dance' here; there are power-off, stop, hb_standby, cable eth0",
        ),
        (["--against", "keepalived", "--steps", "stop"], "--steps does not go with --against"),
        (["--faults", "stop"], "--faults goes with --against"),
        (["--repeat", "0"], "--repeat: at least 1"),
    ],
)
def test_options_of_the_comparison_that_cannot_be_are_bad_usage(options, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["rehearse", str(SAMPLES), *options])
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ("keepalived", "keepalived is not on this machine; make peers, or as root: apt-get install keepalived"),
        ("heartbeat", "as root: make peers, or apt-get install heartbeat ldirectord"),
    ],
)
def test_a_program_that_is_not_here_is_named_with_the_cure_before_anything_boots(monkeypatch, capsys, against, told):
    monkeypatch.setattr("migration.comparison.programs.SEARCH_PATH", "/nonexistent")
    for name in ("KEEPALIVED", "HEARTBEAT_LAYER", "LDIRECTORD"):
        monkeypatch.setattr(f"migration.comparison.programs.{name}", Path("/nonexistent"))
    assert main(["rehearse", str(SAMPLES), "--against", against]) == 2
    assert told in capsys.readouterr().err


def test_a_keepalived_that_does_not_run_is_told(monkeypatch, tmp_path, capsys):
    program = tmp_path / "keepalived"
    program.write_text("#!/bin/sh\necho 'libnl-3.so.200: cannot open shared object file' >&2\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.setattr("migration.comparison.programs.SEARCH_PATH", str(tmp_path))
    assert main(["rehearse", str(SAMPLES), "--against", "keepalived"]) == 2
    assert "does not run (libnl-3.so.200: cannot open shared object file)" in capsys.readouterr().err


def test_the_comparison_runs_in_a_guest_with_what_was_chosen(monkeypatch, tmp_path):
    monkeypatch.setattr("migration.comparison.programs.keepalived", lambda: Path("/usr/sbin/keepalived"))
    ran: dict[str, Any] = {}
    monkeypatch.setattr("migration.uml.run_guest", lambda command, **options: ran.update(command=command, **options))
    main(["rehearse", str(SAMPLES), "--against", "keepalived", "--repeat", "3", "--json", str(tmp_path / "out.json")])
    words = " ".join(ran["command"])
    known = "power-off,stop,hb_standby,cable eth0,cable eth1,killed,frozen,heartbeats cut"
    assert f"--against keepalived --faults {known}" in words
    assert "--steps" not in words
    assert ran["time_limit"] > 3 * 8 * 2 * 200
    assert ran["shared"] == [tmp_path]
