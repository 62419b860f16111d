"""Resource scripts, run for real."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from hbeat.adapters import scripts
from hbeat.adapters.scripts import CommandRun, judge, says_running
from hbeat.core.events import Action
from hbeat.core.model import Resource

WEB = Resource("web", "web")


def run(*argv: str, limit: float = 5.0) -> tuple[int | None, str]:
    """Watches the run as the loop does: exit status (None when it had to be killed) and output."""
    under_way = CommandRun(list(argv), os.environ, time.monotonic() + limit)
    while time.monotonic() < under_way.deadline:
        select.select(under_way.filenos, [], [], under_way.deadline - time.monotonic())
        status = under_way.ready()
        if status is not None:
            return status, under_way.output
    under_way.expire()
    return None, under_way.output


@pytest.mark.parametrize(
    ("output", "running"),
    [
        ("running", True),
        ("apache is Running (pid 7)", True),
        ("OK", True),
        ("not running", False),
        ("Not Running", False),
        ("stopped", False),
        ("", False),
        ("was running, is not running now", False),
    ],
)
def test_status_is_read_as_the_original_reads_it(output: str, running: bool) -> None:
    assert says_running(output) is running


def test_exit_status_and_last_output_are_kept() -> None:
    assert run("/bin/sh", "-c", "echo one; echo two >&2; exit 3") == (3, "one / two")
    outcome = judge(WEB, Action.START, 3, "one / two")
    assert (outcome.ok, outcome.detail) == (False, "exit status 3: one / two")


def test_much_output_does_not_stop_a_script() -> None:
    status, output = run("/bin/sh", "-c", "yes | head -c 1000000; echo end")
    assert status == 0
    assert output.endswith("end")


def test_daemon_left_behind_with_the_pipe_does_not_hold_us_up() -> None:
    began = time.monotonic()
    assert run("/bin/sh", "-c", "sleep 4 & echo started") == (0, "started")
    assert time.monotonic() - began < 3


def test_script_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    status, _ = run("/bin/sh", "-c", f"sleep 60 & echo $! >{pid_file}; wait", limit=0.5)
    assert status is None
    stat = Path("/proc", pid_file.read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while stat.exists() and stat.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while scripts._killed:  # each further command reaps what has ended meanwhile
        assert time.monotonic() < deadline
        assert run("/bin/true")[0] == 0


def test_killed_script_is_no_success() -> None:
    status, output = run("/bin/sh", "-c", "kill -9 $$")
    assert status == -9
    assert judge(WEB, Action.STOP, status, output).detail == "killed by signal 9"
