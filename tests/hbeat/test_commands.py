"""What the commands say and how they end, as monitoring scripts and administrators know it (reference section 11)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hbeat import admin_commands, cli, client, defaults, load, original


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Nothing runs, and no file of this machine is looked at."""
    monkeypatch.setattr(client, "LOCK_FILE", tmp_path / "lock")
    monkeypatch.setattr(client, "PID_FILE", tmp_path / "heartbeat.pid")
    monkeypatch.setattr(client, "SOCKET", tmp_path / "control")
    monkeypatch.setattr(original, "REGISTER", tmp_path / "register")
    monkeypatch.setattr(load, "HA_DIR", tmp_path)
    return tmp_path


def test_stopped_daemon_is_told_with_3_and_with_1_when_its_pid_file_is_there(machine, capsys):
    assert cli.main(["-s"]) == 3
    (machine / "heartbeat.pid").write_text("1\n")
    assert cli.main(["-s"]) == 1
    assert capsys.readouterr().out == "heartbeat is stopped. No process\n" * 2


@pytest.mark.parametrize("numbers", [[], ["17"]])
def test_order_without_a_daemon_is_told_in_the_name_of_its_command(numbers, capsys):
    assert cli.main(["order", "standby", "all", *numbers]) == 1
    assert capsys.readouterr().err == "hb_standby: heartbeat does not answer: No such file or directory\n"


@pytest.mark.parametrize("words", [["dance"], ["all,foreign"], ["all", "all"]])
@pytest.mark.parametrize("name", ["hb_standby", "hb_takeover"])
def test_word_that_is_none_is_told_with_those_that_are(name, words):
    program = Path(cli.__file__).parent / "programs" / name
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"usage: {name} [all|foreign|local|failback]\n"


def test_stop_of_a_stopped_daemon_is_done(capsys):
    assert cli.main(["-k"]) == 0
    assert capsys.readouterr().out == "INFO: Heartbeat already stopped.\n"


def test_defaults_are_those_of_the_table_as_text_and_for_wikis(capsys):
    assert cli.main(["-D"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Directive", "Default", "Description"]
    assert [line.split()[1] for line in lines if line.startswith("keepalive ")] == ["1000ms"]
    assert cli.main(["-W"]) == 0
    assert "||deadtime||30000ms||A node is dead after so long a silence on all links||" in capsys.readouterr().out


def test_values_in_force_are_printed_and_wrong_files_are_6(machine, capsys, monkeypatch):
    for name, text in (
        ("nodeinfo", "a\n"),
        ("ha.cf", "bcast eth0\nnode a b\nauto_failback on\nlogfacility local0\ndeadtime 10\n"),
        ("haresources", "a 10.1.1.10\n"),
        ("authkeys", "auth 1\n1 sha1 SECRET\n"),
    ):
        (machine / name).write_text(text)
        (machine / name).chmod(0o600)
    monkeypatch.setattr(defaults, "load", lambda: load.load(machine))
    assert cli.main(["-v"]) == 0
    shown = capsys.readouterr().out
    assert "deadtime\t10\n" in shown
    assert "keepalive\t1000ms\n" in shown
    assert "SECRET" not in shown
    (machine / "ha.cf").write_text("keepalive often\n")
    assert cli.main(["-v"]) == 6
    assert "ha.cf:1: keepalive often is not a time" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-M"], ["-R"], ["-R", "-C", "local"]])
def test_options_of_the_original_that_are_not_for_this_program_are_refused_with_the_reason(words, capsys):
    assert cli.main(words) == 2
    assert "not for this program" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (admin_commands.addnode_main, "hb_addnode: a cluster with haresources has the nodes of its ha.cf"),
        (admin_commands.delnode_main, "hb_delnode: a cluster with haresources has the nodes of its ha.cf"),
        (admin_commands.setweight_main, "hb_setweight: nodes of a cluster with haresources have none"),
        (admin_commands.setsite_main, "hb_setsite: nodes of a cluster with haresources have none"),
    ],
)
def test_commands_for_other_clusters_are_refused_with_what_to_do_instead(main, said, capsys):
    assert main() == 1
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("words", [["status", "-k"], ["-k", "status"], ["start", "-s"], ["stop", "-r"], ["--yaml"]])
def test_word_and_option_that_both_say_what_to_do_are_bad_usage(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    assert "usage:" in capsys.readouterr().err


def test_original_that_runs_is_named_by_status_and_by_stop_which_leave_it_alone(monkeypatch, capsys):
    monkeypatch.setattr(original, "running_original", lambda: original.Original(0))
    assert cli.main(["-s"]) == 1
    assert cli.main(["-k"]) == 1
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "Linux-HA heartbeat [pid unknown] runs on this node; stop it first: heartbeat -k" in text
