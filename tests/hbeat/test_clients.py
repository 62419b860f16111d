"""Real processes of respawn lines, followed as the loop follows them."""

from __future__ import annotations

import getpass
import selectors
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.adapters.client_process import check_client
from hbeat.clients import Clients
from hbeat.config.ha_config import Respawn
from hbeat.core.events import Note
from hbeat.operations import Operations

ME = getpass.getuser()
LIMIT = 10.0


class Loop:
    """The part of the daemon's loop that clients need."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.operations = Operations(self.selector)
        self.notes: list[Note] = []
        self.clients = Clients(self.operations, self.notes.append)

    def until_said(self, words: str) -> str:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            for note in self.notes:
                if words in note.text:
                    return note.text
            self.turn()
        raise AssertionError(f"{words!r} is not in {self.notes}")

    def turn(self) -> None:
        for key, _ in self.selector.select(0.05):
            self.operations.step(key.data[1], time.monotonic())
        self.operations.handle_timer(time.monotonic())
        self.clients.handle_timer(time.monotonic())

    def until_there(self, path: Path, lines: int = 1) -> list[str]:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            self.turn()
            if path.exists() and len(found := path.read_text().splitlines()) >= lines:
                return found
        raise AssertionError(f"{path} was not written")


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.clients.stop(time.monotonic())
    deadline = time.monotonic() + LIMIT
    while not made.operations.idle and time.monotonic() < deadline:
        made.turn()
    assert made.operations.idle


def program(folder: Path, name: str, body: str) -> Respawn:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return Respawn(ME, (str(path), "one word"), None, True, 1)


def test_a_program_gets_its_words_and_the_environment_of_scripts(loop, tmp_path):
    line = program(tmp_path, "client", f'echo "$1 $HA_CURHOST" >>{tmp_path}/said; exec sleep 60')
    loop.clients.keep([line], {"HA_CURHOST": "a", "PATH": "/usr/bin:/bin"}, time.monotonic())
    assert loop.until_there(tmp_path / "said") == ["one word a"]


def test_a_program_that_ends_is_started_again(loop, tmp_path):
    line = program(tmp_path, "client", f"echo life >>{tmp_path}/lives; exit 3")
    loop.clients.keep([line], {}, time.monotonic())
    assert loop.until_there(tmp_path / "lives", 2) == ["life", "life"]
    assert "exit status 3" in loop.until_said("starting it again in 1 s")


def test_exit_status_100_is_the_end_of_it(loop, tmp_path):
    line = program(tmp_path, "client", f"echo life >>{tmp_path}/lives; exit 100")
    loop.clients.keep([line], {}, time.monotonic())
    loop.until_said("asks not to be started again")
    assert loop.clients.next_deadline() is None


def test_programs_are_ended_with_sigterm_and_not_started_again(loop, tmp_path):
    body = 'trap "echo $1 >>FOLDER/ended; exit 0" TERM; echo up >>FOLDER/up; while :; do sleep 0.05; done'
    lines = [
        Respawn(ME, (program(tmp_path, name, body.replace("FOLDER", str(tmp_path))).argv[0], name), None, True, 1)
        for name in ("first", "second")
    ]
    loop.clients.keep(lines, {"PATH": "/usr/bin:/bin"}, time.monotonic())
    loop.until_there(tmp_path / "up", 2)
    loop.clients.stop(time.monotonic())
    assert sorted(loop.until_there(tmp_path / "ended", 2)) == ["first", "second"]
    assert not [note for note in loop.notes if "again" in note.text]


def test_a_program_that_ignores_sigterm_is_killed_at_its_deadline(loop, tmp_path):
    line = program(tmp_path, "client", f'trap "" TERM; echo $$ >>{tmp_path}/pid; while :; do sleep 0.05; done')
    loop.clients.keep([line], {"PATH": "/usr/bin:/bin"}, time.monotonic())
    (pid,) = loop.until_there(tmp_path / "pid")
    loop.clients.stop(time.monotonic() - 60)
    deadline = time.monotonic() + LIMIT
    while Path("/proc", pid).exists() and time.monotonic() < deadline:
        loop.turn()
    assert not Path("/proc", pid).exists()


def test_a_reload_starts_what_is_new_ends_what_is_gone_and_leaves_the_others(loop, tmp_path):
    body = f'echo "$0 $$" >>{tmp_path}/lives; exec sleep 60'
    one, two, three = (program(tmp_path, name, body) for name in ("one", "two", "three"))
    env = {"PATH": "/usr/bin:/bin"}
    loop.clients.keep([one, two], env, time.monotonic())
    before = loop.until_there(tmp_path / "lives", 2)
    loop.clients.keep([two, three], env, time.monotonic())
    after = loop.until_there(tmp_path / "lives", 3)
    assert after[:2] == before
    assert "three" in after[2]
    pids = {line.rpartition("/")[2].split()[0]: int(line.split()[-1]) for line in after}
    deadline = time.monotonic() + LIMIT
    while Path("/proc", str(pids["one"])).exists() and time.monotonic() < deadline:
        loop.turn()
    assert [Path("/proc", str(pids[name])).exists() for name in ("one", "two", "three")] == [False, True, True]


def test_what_cannot_be_started_is_told_before_with_the_cure(tmp_path):
    assert check_client("nobody-of-that-name", "/bin/true").startswith("there is no user nobody-of-that-name; ")
    assert check_client(ME, str(tmp_path / "missing")).endswith("is no executable file; install it, or remove the line")
    assert check_client(ME, "/bin/true") == ""
