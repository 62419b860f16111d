"""The init script heartbeat, with programs that only write down how they were called."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.named_process import named_process

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "initscripts/heartbeat"


class Machine:
    """A tree with the script, /etc/ha.d, and stand-ins for hbeat and hb_standby beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ha_dir = folder / "ha.d"
        self.ha_dir.mkdir()
        (self.ha_dir / "ha.cf").touch()
        self.script = folder / "initscripts/heartbeat"
        self.script.parent.mkdir()
        shutil.copy(SCRIPT, self.script)
        for program in ("hbeat", "hb_standby"):
            self.program(program, 0)

    def program(self, name: str, status: int) -> None:
        path = self.folder / ".venv/bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.folder}/calls\nexit {status}\n')
        path.chmod(0o755)

    def run(self, *verb: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", str(self.script), *verb],
            env={
                "PATH": "/usr/bin:/bin",
                "HA_DIR": str(self.ha_dir),
                "PID_FILE": str(self.folder / "heartbeat.pid"),
                **environment,
            },
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def machine(tmp_path):
    if Path("/etc/default/heartbeat").exists() or shutil.which("hbeat", path=f"/usr/sbin:/usr/local/sbin:{os.defpath}"):
        pytest.skip("hbeat is installed on this machine, and the script would find it first")
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("verb", "calls", "words"),
    [
        ("start", ["hbeat"], "Starting High-Availability services: Done."),
        ("stop", ["hbeat -k"], "Stopping High-Availability services: Done."),
        ("restart", ["hbeat -k", "hbeat"], "Starting High-Availability services: Done."),
        ("reload", ["hbeat -r"], "Reloading High-Availability services: Done."),
        ("force-reload", ["hbeat -r"], "Reloading High-Availability services: Done."),
        ("status", ["hbeat -s"], ""),
        ("standby", ["hb_standby"], ""),
    ],
)
def test_each_verb_calls_its_program(machine, verb, calls, words):
    status, said = machine.run(verb)
    assert (status, machine.calls) == (0, calls)
    assert words in said


@pytest.mark.parametrize(("name", "asked"), [("hbeat", True), ("sleep", False)])
def test_stop_asks_the_daemon_before_anything_is_loaded_and_no_stranger(machine, name, asked):
    with named_process(machine.folder, name) as process:
        (machine.folder / "heartbeat.pid").write_text(f"{process.pid}\n")
        machine.program("hbeat", 0)
        status, said = machine.run("stop")
        assert (status, machine.calls) == (0, ["hbeat -k"])
        assert "Done." in said
        if asked:
            assert process.wait(10) == -signal.SIGTERM
        else:
            assert process.poll() is None


@pytest.mark.parametrize("verb", ["start", "stop", "reload", "status"])
def test_the_exit_status_of_the_program_is_the_scripts(machine, verb):
    machine.program("hbeat", 6)
    status, said = machine.run(verb)
    assert status == 6
    assert verb == "status" or "Failed (rc=6)." in said


def test_an_unknown_verb_is_bad_usage(machine):
    status, said = machine.run("dance")
    assert (status, machine.calls) == (2, [])
    assert "Usage:" in said


def test_without_ha_cf_nothing_is_started_and_that_is_no_failure(machine):
    (machine.ha_dir / "ha.cf").unlink()
    status, said = machine.run("start")
    assert (status, machine.calls) == (0, [])
    assert "not configured" in said


def test_a_missing_program_is_named_with_the_place_to_set(machine):
    shutil.rmtree(machine.folder / ".venv")
    status, said = machine.run("start")
    assert status == 5
    assert "set BINDIR in /etc/default/heartbeat" in said


def test_startstop_of_the_administrator_runs_before_and_after(machine):
    startstop = machine.ha_dir / "resource.d/startstop"
    startstop.parent.mkdir()
    startstop.write_text(f'#!/bin/sh\necho "startstop $*" >>{machine.folder}/calls\n')
    startstop.chmod(0o755)
    machine.program("hbeat", 1)
    machine.run("start")
    assert machine.calls == ["startstop pre-start", "hbeat", "startstop post-start 1"]


def test_programs_in_path_come_before_those_beside_the_tree(machine):
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "hbeat").write_text("#!/bin/sh\necho from PATH\n")
    (elsewhere / "hbeat").chmod(0o755)
    assert "from PATH" in machine.run("start", PATH=f"{elsewhere}:/usr/bin:/bin")[1]
