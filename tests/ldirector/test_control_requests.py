"""Requests in, answers out; the daemon is a script."""

from __future__ import annotations

import asyncio

import pytest

from ldirector.adapters.control import Answer
from ldirector.adapters.ipvs import IpvsError
from ldirector.control_requests import ControlRequests
from ldirector.core.model import Role


class Scripted:
    """A daemon that writes down what it is asked to do."""

    def __init__(self, refuses: str = "", ready: bool = True) -> None:
        self.done: list[object] = []
        self._refuses = refuses
        self._ready = ready

    def status(self) -> Answer:
        return {"role": "active"}

    def change_role(self, role: Role, vouched: bool) -> None:
        if self._refuses:
            raise IpvsError(self._refuses)
        self.done.append((role, "vouched") if vouched else role)

    def unvouch(self) -> None:
        self.done.append("unvouch")

    async def wait_ready(self) -> None:
        if not self._ready:
            await asyncio.Event().wait()

    def is_ready(self) -> bool:
        return self._ready

    def is_blind(self) -> bool:
        return not self._ready

    async def reload(self, why: str, alone: bool) -> str:
        self.done.append(("reload", why, alone))
        return self._refuses

    def stop(self, alone: bool) -> None:
        self.done.append(("stop", alone))


def ask(daemon: Scripted, request: str) -> Answer:
    return asyncio.run(ControlRequests(daemon).answer(request.split()))


@pytest.mark.parametrize(
    ("request_", "answer", "done"),
    [
        ("status", {"ok": True, "role": "active"}, []),
        ("role active", {"ok": True, "role": "active"}, [Role.ACTIVE]),
        ("role active vouched", {"ok": True, "role": "active"}, [(Role.ACTIVE, "vouched")]),
        ("unvouch", {"ok": True}, ["unvouch"]),
        ("role standby", {"ok": True, "role": "standby"}, [Role.STANDBY]),
        ("ready 0", {"ok": True, "ready": True, "blind": False}, []),
        ("reload", {"ok": True}, [("reload", "on request", False)]),
        ("reload alone", {"ok": True}, [("reload", "on request", True)]),
        ("stop", {"ok": True}, [("stop", False)]),
        ("stop alone", {"ok": True}, [("stop", True)]),
    ],
)
def test_request_is_done_and_answered(request_: str, answer: Answer, done: list[object]) -> None:
    daemon = Scripted()
    assert (ask(daemon, request_), daemon.done) == (answer, done)


@pytest.mark.parametrize("request_", ["role active", "reload"])
def test_what_the_daemon_cannot_do_is_answered_with_its_reason(request_: str) -> None:
    assert ask(Scripted(refuses="no table"), request_) == {"ok": False, "error": "no table"}


@pytest.mark.parametrize("seconds", ["-1", "3601", "nan", "inf", "soon"])
def test_time_that_cannot_be_waited_is_refused(seconds: str) -> None:
    answer = ask(Scripted(), f"ready {seconds}")
    assert answer == {"ok": False, "error": f"not a number of seconds from 0 to 3600: {seconds!r}"}


def test_readiness_that_does_not_come_in_time_is_answered_as_it_is() -> None:
    assert ask(Scripted(ready=False), "ready 0.01") == {"ok": True, "ready": False, "blind": True}


@pytest.mark.parametrize(
    "request_", ["", "reboot", "role", "role king", "role standby vouched", "reload now", "stop alone now", "ready"]
)
def test_unknown_request_is_told_the_known_ones_and_nothing_is_done(request_: str) -> None:
    daemon = Scripted()
    answer = ask(daemon, request_)
    assert (answer["ok"], daemon.done) == (False, [])
    assert "role standby" in str(answer["requests"])
