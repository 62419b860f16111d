import os
import subprocess
import sys
from pathlib import Path

import pytest

from ldirector import instance as module
from ldirector.instance import Instance, find


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path / "ldirectord.cf", "ldirectord.cf", tmp_path)


def test_configurations_are_looked_for_in_ha_d_then_conf_then_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, here = tmp_path / "ha.d", tmp_path / "conf", tmp_path / "here"
    for folder in (first, second, here):
        folder.mkdir()
        (folder / "x.cf").touch()
    monkeypatch.setattr(module, "CONFIG_DIRS", (first, second))
    monkeypatch.chdir(here)
    for folder in (first, second, here):
        assert find("x.cf").config == folder / "x.cf"
        (folder / "x.cf").unlink()
    assert find("x.cf").config == first / "x.cf", "a missing file is named where it should be"
    assert find("./x.cf").config == here / "x.cf"
    assert find(str(second / "x.cf")).config == second / "x.cf"


def test_names_are_the_originals() -> None:
    assert str(find("ldirectord.cf").pid_file) == "/var/run/ldirectord.ldirectord.cf.pid"
    assert str(find("/some/where/web.cf").pid_file) == "/var/run/ldirectord.web.cf.pid"
    assert str(find(None).other_pid_file) == "/var/run/ldirectord.ldirectord.pid"
    assert str(find("ldirectord.cf").socket) == "/var/run/ldirectord.ldirectord.cf.sock"


def test_only_the_holder_of_the_lock_runs(instance: Instance) -> None:
    assert not instance.is_locked()
    lock = instance.lock()
    assert lock is not None
    assert instance.is_locked()
    assert instance.lock() is None
    os.close(lock)
    assert not instance.is_locked()


def test_the_pid_of_another_process_does_not_count(instance: Instance) -> None:
    instance.pid_file.write_text(str(os.getpid()))
    assert instance.running_pid() is None
    assert instance.pid_on_file() == os.getpid()
    lock = instance.lock()
    instance.enter(4711, supervised=False)
    assert instance.running_pid() == 4711
    os.close(lock or 0)


def test_daemon_of_the_default_configuration_is_one_however_it_is_called(tmp_path: Path) -> None:
    omitted, named = find(None, tmp_path), find("ldirectord.cf", tmp_path)
    lock = omitted.lock()
    omitted.enter(4711, supervised=False)
    assert named.lock() is None
    assert named.running_pid() == 4711
    names = ("ldirectord.ldirectord.cf.pid", "ldirectord.ldirectord.pid")
    assert [(tmp_path / name).read_text() for name in names] == ["4711\n", "4711\n"]
    named.leave()
    assert [name for name in names if (tmp_path / name).is_symlink() or (tmp_path / name).exists()] == []
    os.close(lock or 0)


def test_supervised_daemon_has_no_pid_file_and_is_found_all_the_same(instance: Instance) -> None:
    lock = instance.lock()
    instance.enter(4711, supervised=True)
    assert (instance.running_pid(), instance.pid_file.exists()) == (4711, False)
    instance.leave()
    os.close(lock or 0)


def test_a_damaged_pid_file_holds_no_pid(instance: Instance) -> None:
    instance.pid_file.write_text("nonsense")
    assert instance.pid_on_file() is None


def test_an_ldirectord_that_is_not_ours_is_recognised(instance: Instance, tmp_path: Path) -> None:
    program = tmp_path / "ldirectord"
    program.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    command = [sys.executable, str(program), "ldirectord.cf", "start"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"up\n"
        instance.pid_file.write_text(str(other.pid))
        assert instance.foreign_pid() == other.pid
        assert other.stdin
        other.stdin.close()
    assert instance.foreign_pid() is None


def test_an_editor_of_the_configuration_is_no_ldirectord(instance: Instance) -> None:
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()", "ldirectord.cf"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as editor:
        assert editor.stdout
        assert editor.stdout.readline() == b"up\n"
        instance.pid_file.write_text(str(editor.pid))
        assert instance.foreign_pid() is None
        assert editor.stdin
        editor.stdin.close()


def test_waiting_for_the_end_is_bounded(instance: Instance) -> None:
    assert instance.wait_until_gone(0.0)
    lock = instance.lock()
    assert not instance.wait_until_gone(0.05)
    os.close(lock or 0)
