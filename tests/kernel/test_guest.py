"""The launcher of guests (migration/uml.py), with real guests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from migration import uml

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


def run(script: str, **options: Any) -> tuple[int, list[str]]:
    lines: list[str] = []
    return uml.run_guest(["sh", "-c", script], on_line=lines.append, **options), lines


def processes_naming(text: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in path.read_text():
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_a_guest_delivers_output_environment_and_exit_status():
    status, lines = run('echo "out $GREETING"; echo err >&2; pwd; exit 7', env={"GREETING": "it's me"})
    assert (status, lines) == (7, ["out it's me", "err", str(Path.cwd())])


def test_output_arrives_while_the_command_runs():
    came_at: dict[str, float] = {}

    def note(line: str) -> None:
        came_at[line] = time.monotonic()

    uml.run_guest(["sh", "-c", "echo first; sleep 1; echo second"], on_line=note)
    assert came_at["second"] - came_at["first"] > 0.9


def test_long_output_arrives_whole():
    status, lines = run("seq 20000")
    assert (status, lines) == (0, [str(n) for n in range(1, 20001)])


def test_a_guest_has_ipvs_and_its_schedulers():
    status, lines = run("ipvsadm -A -t 10.1.1.10:80 -s wlc && ipvsadm -Ln | grep 10.1.1.10")
    assert (status, lines) == (0, ["TCP  10.1.1.10:80 wlc"])


def test_what_a_guest_writes_stays_inside_except_in_shared_folders(tmp_path):
    shared, private = tmp_path / "shared", tmp_path / "private"
    shared.mkdir()
    private.mkdir()
    status, lines = run(f"echo kept >{shared}/file; echo lost >{private}/file; cat {private}/file", shared=[shared])
    assert (status, lines) == (0, ["lost"])
    assert (shared / "file").read_text() == "kept\n"
    assert list(private.iterdir()) == []


def test_a_guest_beyond_its_time_limit_is_killed():
    others = processes_naming("umid=hbeat-guest-")
    with pytest.raises(uml.GuestOverdue):
        run("echo $$; sleep 60", time_limit=4.0)
    deadline = time.monotonic() + 10  # what it traced dies a moment after it
    while set(processes_naming("umid=hbeat-guest-")) - set(others):
        assert time.monotonic() < deadline


def test_a_kernel_that_dies_tells_its_last_words():
    with pytest.raises(uml.GuestError, match=r"panic|sysrq"):
        run("echo c >/proc/sysrq-trigger")


def test_several_guests_run_at_once():
    results: list[tuple[int, list[str]]] = []
    threads = [threading.Thread(target=lambda n=n: results.append(run(f"exit {n}"))) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in results) == [1, 2]


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path):
    program = "from migration.uml import run_guest; run_guest(['sh', '-c', 'echo up; sleep 60'])"
    caller = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-u", "-c", program],  # make test & ignores it
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert caller.stdout is not None
    with caller:
        assert caller.stdout.readline() == "up\n"
        assert processes_naming(f"uml_dir={tmp_path}") != []
        caller.send_signal(signal.SIGINT)
        caller.wait(timeout=10)
    assert processes_naming(f"uml_dir={tmp_path}") == []
    assert list(tmp_path.iterdir()) == []


def test_a_missing_kernel_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(uml, "_SEARCH_PATH", "/nonexistent")
    with pytest.raises(uml.GuestError, match=r"apt-get install .*user-mode-linux"):
        run("true")
