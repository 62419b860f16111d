"""The command ldirectord with the real daemon on a real table, judged by ipvsadm and by the process list."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldirector.adapters.control_client import ask

ROOT = Path(__file__).parents[3]
LDIRECTORD = str(Path(sys.executable).with_name("ldirectord"))
CONFIG = Path("/etc/ha.d/ldirectord.cf")
LOG = Path("/run/ldirectord.test.log")
NAME = "/run/ldirectord.ldirectord.cf"
SERVES = ["-A -t 10.1.1.10:80 -s wrr", "-a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 1"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LDIRECTORD, *words], capture_output=True, text=True, check=False)


def verb(*words: str) -> int:
    return run(*words[:-1], "ldirectord.cf", words[-1]).returncode


def table() -> list[str]:
    return subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True, check=True).stdout.splitlines()


def daemons() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if LDIRECTORD in path.read_text().split("\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.fixture(autouse=True)
def configuration() -> Iterator[None]:
    """One real that is always up, and no daemon before and after."""
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text("virtual=10.1.1.10:80\n    real=192.168.2.236:80 masq\n    checktype=on\n")
    subprocess.run(["ipvsadm", "-C"], check=True)
    yield
    for pid in daemons():
        os.kill(pid, signal.SIGKILL)


def test_start_returns_when_the_table_is_written_and_stop_when_it_is_gone() -> None:
    assert (verb("start"), table()) == (0, SERVES)
    assert int(Path(f"{NAME}.pid").read_text()) == daemons()[0]
    assert (verb("stop"), table(), daemons()) == (0, [], [])
    assert not Path(f"{NAME}.pid").exists()
    assert not Path(f"{NAME}.sock").exists()


def test_of_several_starts_at_once_one_wins_and_all_are_satisfied() -> None:
    starts = [subprocess.Popen([LDIRECTORD, "ldirectord.cf", "start"]) for _ in range(4)]
    assert [start.wait(60) for start in starts] == [0] * 4
    assert len(daemons()) == 1
    assert table() == SERVES


def test_of_starts_in_both_roles_at_once_the_active_one_counts() -> None:
    roles = ["standby", "standby", "active", "standby"]
    starts = [subprocess.Popen([LDIRECTORD, "--role", role, "ldirectord.cf", "start"]) for role in roles]
    assert [start.wait(60) for start in starts] == [0] * 4
    assert len(daemons()) == 1
    assert table() == SERVES


def test_a_standby_writes_nothing_until_start_makes_it_active() -> None:
    assert verb("--role", "standby", "start") == 0
    assert table() == []
    status = run("ldirectord.cf", "status")
    assert (status.returncode, "is standing by with pid" in status.stdout) == (3, True)
    assert (verb("start"), table()) == (0, SERVES)
    assert verb("status") == 0
    assert ask(Path(f"{NAME}.sock"), "role standby") == {"ok": True, "role": "standby"}
    assert table() == []
    assert verb("restart") == 0
    assert table() == [], "a restart keeps the role"


def test_a_killed_daemon_is_stale_and_its_table_is_adopted_by_the_next_start() -> None:
    assert verb("start") == 0
    os.kill(daemons()[0], signal.SIGKILL)
    status = run("ldirectord.cf", "status")
    assert status.returncode == 1
    assert "stale pid file" in status.stderr
    assert table() == SERVES
    assert (verb("start"), table(), len(daemons())) == (0, SERVES, 1)
    assert verb("status") == 0


def test_virtual_of_a_killed_daemon_that_left_the_file_is_removed_by_the_next_start_and_no_other() -> None:
    """By ownership: what somebody else has written stays, whatever it looks like."""
    both = CONFIG.read_text() + "\nvirtual=10.1.1.11:80\n    real=192.168.2.236:80 masq\n    checktype=on\n"
    foreign = "-A -t 10.1.1.12:80 -s wrr"
    for role, left in (("active", SERVES), ("standby", [])):
        only = CONFIG.read_text()
        CONFIG.write_text(f'logfile="{LOG}"\n{both}')
        assert verb("start") == 0
        subprocess.run(["ipvsadm", *foreign.split()], check=True)
        os.kill(daemons()[0], signal.SIGKILL)
        assert "10.1.1.11" in Path(f"{NAME}.table").read_text()
        CONFIG.write_text(f'logfile="{LOG}"\n{only}')
        assert verb("--role", role, "start") == 0
        assert sorted(table()) == sorted([*left, foreign])
        assert "Virtual server 10.1.1.11:80: an earlier life of this daemon left it in the table" in LOG.read_text()
        assert verb("stop") == 0
        assert table() == [foreign]
        assert not Path(f"{NAME}.table").exists()
        subprocess.run(["ipvsadm", "-C"], check=True)
        LOG.unlink()
        CONFIG.write_text(only)


def test_damaged_record_of_the_table_is_named_and_nothing_is_guessed() -> None:
    CONFIG.write_text(f'logfile="{LOG}"\n{CONFIG.read_text()}')
    assert verb("start") == 0
    os.kill(daemons()[0], signal.SIGKILL)
    record = Path(f"{NAME}.table")
    record.write_text(record.read_text().replace("10.1.1.10", "10.1.1.11"))
    subprocess.run(["ipvsadm", "-A", "-t", "10.1.1.11:80", "-s", "wrr"], check=True)
    assert verb("start") == 0
    assert sorted(table()) == sorted([*SERVES, "-A -t 10.1.1.11:80 -s wrr"])
    assert f"{record} is damaged: its checksum does not match" in LOG.read_text().replace("/var/run", "/run")


def test_a_broken_file_keeps_nobody_from_stop_and_status_and_loses_no_pid_file() -> None:
    assert verb("start") == 0
    CONFIG.write_text(CONFIG.read_text() + "nonsense=1\n")
    reload = run("ldirectord.cf", "reload")
    assert reload.returncode == 2
    assert f"{CONFIG}:4: unknown directive" in reload.stderr
    assert (verb("status"), table()) == (0, SERVES)
    assert Path(f"{NAME}.pid").exists()
    assert (verb("stop"), table()) == (0, [])
    assert verb("start") == 2


def test_the_default_configuration_is_one_instance_whether_it_is_named_or_not() -> None:
    assert run("start").returncode == 0
    assert Path("/run/ldirectord.ldirectord.pid").read_text() == Path(f"{NAME}.pid").read_text()
    assert verb("status") == 0
    assert verb("start") == 0
    assert verb("stop") == 0
    assert run("status").returncode == 3


def test_debug_stays_in_the_foreground_and_logs_to_the_terminal() -> None:
    with subprocess.Popen([LDIRECTORD, "-d", "ldirectord.cf", "start"], stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr
        while "Added real server" not in daemon.stderr.readline():
            assert daemon.poll() is None
        assert table() == SERVES
        daemon.send_signal(signal.SIGINT)
        assert daemon.wait(20) == 0
    assert table() == []


def test_a_kernel_refusal_is_logged_in_words_and_the_rest_serves() -> None:
    log = CONFIG.with_name("log")
    CONFIG.write_text(f'logfile="{log}"\n{CONFIG.read_text()}virtual=9\n    checktype=on\n    scheduler=nonsense\n')
    assert verb("start") == 0
    assert table() == SERVES
    assert "the kernel has no scheduler 'nonsense'" in log.read_text()


@pytest.mark.parametrize("script", ["initscripts/ldirectord", "etc/ha.d/resource.d/ldirectord"])
def test_scripts_find_the_program_and_pass_on_its_exit_status(script: str) -> None:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", str(ROOT / script), *words], capture_output=True, text=True, check=False)

    started = call("start")
    assert (started.returncode, table()) == (0, SERVES)
    assert started.stdout in ("", "Starting ldirectord... success\n")
    assert call("status").returncode == 0
    assert call("reload").returncode == 0
    assert (call("stop").returncode, table()) == (0, [])
    assert call("status").returncode == 3
    assert call("nonsense").returncode in (1, 255)
