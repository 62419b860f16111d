"""ldirectord as a resource: requests on a real socket, answered by a listener that writes them down."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hbeat.adapters import director
from hbeat.agents.director import CoolDown, DirectorOperation, DirectorVigil, Glance, WarmUp
from hbeat.agents.operation import Operation
from hbeat.agents.roster import Agents
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Sessions
from tests.hbeat.machine import DIRECTOR

CONFIG = "ldirectord.cf"
ENV = {"PATH": "/usr/bin:/bin"}


class Listener:
    """Answers like ldirectord and keeps what it was asked; `not_ready` answers of ready come first."""

    def __init__(self, path: Path) -> None:
        self.asked: list[str] = []
        self.not_ready = 0
        self.blind = False
        self.refuses = False
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.bind(str(path))
        self._sock.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._sock.accept()
            except OSError:
                return
            with client, suppress(BrokenPipeError):  # who asks need not wait for the answer
                request = client.recv(1024).decode().strip()
                self.asked.append(request)
                client.sendall(json.dumps(self._answer(request.split())).encode() + b"\n")

    def _answer(self, words: list[str]) -> dict[str, object]:
        if self.refuses:
            return {"ok": False, "error": "not now"}
        if words[0] == "stop":
            return {"ok": True}
        if words[0] == "role":
            return {"ok": True, "role": words[1]}
        if words[0] == "ready":
            self.not_ready -= 1
            return {"ok": True, "ready": self.not_ready < 0, "blind": self.blind}
        return {"ok": True, "role": "standby"}

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program is a script that writes its arguments down here; its sockets are in this folder."""
    program = tmp_path / "ldirectord"
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n')
    program.chmod(0o755)
    monkeypatch.setattr(director, "RUN_DIR", tmp_path)
    monkeypatch.setattr(director, "find_program", lambda: str(program))
    return tmp_path / "calls"


@pytest.fixture
def listener(calls: Path) -> Iterator[Listener]:
    made = Listener(director.instance_file(CONFIG, "sock"))
    yield made
    made.close()


def finish(operation: Operation) -> Outcome:
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        select.select(operation.filenos, [], [], limit - time.monotonic())
        outcome = operation.step(time.monotonic())
        if outcome is not None:
            return outcome
    raise AssertionError("no end")


def test_warm_up_starts_it_as_standby_and_waits_until_it_is_ready(calls: Path, listener: Listener) -> None:
    listener.not_ready = 1
    outcome = finish(WarmUp(CONFIG, ENV, lambda: None, time.monotonic()))
    assert outcome.ok
    assert calls.read_text() == "--role standby ldirectord.cf start\n"
    assert listener.asked == ["role standby", "ready 30", "ready 30"]


def test_director_that_died_while_it_served_is_started_to_serve(calls: Path, listener: Listener) -> None:
    assert finish(WarmUp(CONFIG, ENV, lambda: False, time.monotonic())).ok
    assert calls.read_text() == "--role active ldirectord.cf start\n"


def test_vigil_ends_when_the_daemon_does(calls: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as daemon:
        director.instance_file(CONFIG, "pid").write_text(f"{daemon.pid}\n")
        vigil = DirectorVigil(CONFIG)
        assert select.select(vigil.filenos, [], [], 0)[0] == []
        daemon.kill()
        assert not finish(vigil).ok


def test_director_that_is_told_to_end_is_waited_for(calls: Path, listener: Listener) -> None:
    with subprocess.Popen(["sleep", "60"]) as daemon:
        director.instance_file(CONFIG, "pid").write_text(f"{daemon.pid}\n")
        end = CoolDown(CONFIG, ENV, time.monotonic())
        while select.select(end.filenos, [], [], 1)[0]:
            assert end.step(time.monotonic()) is None  # the answer, and that no more of it comes
        daemon.kill()
        assert finish(end).ok
    assert listener.asked == ["stop"]
    assert not calls.exists()


def test_director_that_can_neither_be_asked_nor_started_is_an_outcome(
    calls: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.refuses = True
    start = DirectorOperation(CONFIG, Action.START, ENV, time.monotonic())
    monkeypatch.setattr(director, "find_program", lambda: str(calls.parent / "gone"))
    outcome = finish(start)
    assert not outcome.ok
    assert "not now" in outcome.detail
    assert "gone" in outcome.detail


def test_director_that_is_not_kept_warm_ends_with_its_group(calls: Path, listener: Listener) -> None:
    agents = Agents(ENV, lambda text: None)
    agents.heed(Sessions(warm_standby=False))
    with subprocess.Popen(["sleep", "60"]) as daemon:
        director.instance_file(CONFIG, "pid").write_text(f"{daemon.pid}\n")
        end = agents.run(DIRECTOR, Action.STOP, time.monotonic())
        assert not isinstance(end, Outcome)
        while select.select(end.filenos, [], [], 1)[0]:
            assert end.step(time.monotonic()) is None
        daemon.kill()
        assert finish(end).ok
    agents.close()
    assert listener.asked == ["stop"]


def test_director_that_has_no_socket_yet_is_ended_by_its_command(calls: Path) -> None:
    assert finish(CoolDown(CONFIG, ENV, time.monotonic())).ok
    assert calls.read_text() == "ldirectord.cf stop\n"


@pytest.mark.parametrize("refuses", [True, False])
def test_director_that_does_not_do_as_told_is_ended_by_its_command(
    calls: Path, listener: Listener, refuses: bool
) -> None:
    listener.refuses = refuses
    with subprocess.Popen(["sleep", "60"]) as daemon:
        director.instance_file(CONFIG, "pid").write_text(f"{daemon.pid}\n")
        end = CoolDown(CONFIG, ENV, time.monotonic())
        if not refuses:
            assert end.expire(end.deadline) is None
        assert finish(end).ok
        daemon.kill()
    assert calls.read_text() == "ldirectord.cf stop\n"


def test_takeover_while_the_standby_starts_makes_it_active(calls: Path, listener: Listener) -> None:
    serving = iter([None, False])
    assert finish(WarmUp(CONFIG, ENV, lambda: next(serving), time.monotonic())).ok
    assert calls.read_text() == "--role standby ldirectord.cf start\n"
    assert listener.asked == ["role active", "ready 30"]


@pytest.mark.parametrize(
    ("action", "request_", "running"),
    [(Action.START, "role active", True), (Action.STOP, "role standby", False), (Action.STATUS, "status", False)],
)
def test_running_director_is_asked_by_its_socket(
    calls: Path, listener: Listener, action: Action, request_: str, running: bool
) -> None:
    outcome = finish(DirectorOperation(CONFIG, action, ENV, time.monotonic()))
    assert (outcome.ok, outcome.running) == (True, running)
    assert listener.asked == [request_]
    assert not calls.exists()


def test_director_that_does_not_run_is_started_by_its_command(calls: Path) -> None:
    assert finish(DirectorOperation(CONFIG, Action.START, ENV, time.monotonic())).ok
    assert calls.read_text() == "ldirectord.cf start\n"


def test_director_that_does_not_run_is_stopped_already(calls: Path) -> None:
    operation = DirectorOperation(CONFIG, Action.STOP, ENV, time.monotonic())
    assert operation.outcome == Outcome(True, "not running")
    assert not calls.exists()


def test_director_that_does_not_answer_is_told_by_its_command(calls: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(director.instance_file(CONFIG, "sock")))
        silent.listen(1)
        operation = DirectorOperation(CONFIG, Action.START, ENV, time.monotonic())
        assert operation.expire(time.monotonic()) is None
        assert finish(operation).ok
    assert calls.read_text() == "ldirectord.cf start\n"


@pytest.mark.parametrize("action", list(Action))
def test_director_that_takes_no_more_connections_is_not_taken_for_stopped(calls: Path, action: Action) -> None:
    path = str(director.instance_file(CONFIG, "sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hung, socket.socket(socket.AF_UNIX) as first:
        hung.bind(path)
        hung.listen(0)
        first.connect(path)
        operation = DirectorOperation(CONFIG, action, ENV, time.monotonic())
    assert operation.outcome == Outcome(False, "ldirectord runs and does not answer")
    assert not calls.exists()


def test_other_nodes_word_comes_with_the_role_also_to_a_director_that_is_started_again(listener: Listener) -> None:
    assert finish(DirectorOperation(CONFIG, Action.START, ENV, time.monotonic(), vouched=True)).ok
    assert finish(WarmUp(CONFIG, ENV, lambda: True, time.monotonic())).ok
    assert listener.asked == ["role active vouched", "role active vouched", "ready 30"]


def run(agents: Agents, action: Action) -> None:
    operation = agents.run(DIRECTOR, action, time.monotonic())
    assert not isinstance(operation, Outcome)
    assert finish(operation).ok


def test_word_that_is_withdrawn_is_told_to_a_director_that_serves_on_it(listener: Listener) -> None:
    agents = Agents(ENV, pytest.fail)
    assert agents.vouch(DIRECTOR, True, time.monotonic()) == Outcome(True)
    run(agents, Action.START)
    withdrawal = agents.vouch(DIRECTOR, False, time.monotonic())
    assert not isinstance(withdrawal, Outcome)
    assert finish(withdrawal).ok
    run(agents, Action.STOP)
    run(agents, Action.START)
    assert agents.vouch(DIRECTOR, False, time.monotonic()) == Outcome(True)  # it serves on its own view
    assert listener.asked == ["role active vouched", "unvouch", "role standby", "role active"]
    agents.close()


@pytest.mark.parametrize("blind", [True, False])
def test_glance_tells_whether_a_server_is_seen(listener: Listener, blind: bool) -> None:
    listener.blind = blind
    outcome = finish(Glance(CONFIG, time.monotonic()))
    assert (outcome.ok, outcome.running) == (True, not blind)
    assert listener.asked == ["ready 0"]


def test_glance_at_a_director_without_all_its_verdicts_tells_nothing(listener: Listener) -> None:
    listener.not_ready = 1
    assert not finish(Glance(CONFIG, time.monotonic())).ok


def test_nobody_to_glance_at_is_said_at_once(calls: Path) -> None:
    with pytest.raises(OSError, match=r".+"):
        Glance(CONFIG, time.monotonic())
