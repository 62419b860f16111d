"""The resource `ldirectord::FILE`: taking over is a word to a daemon that is warm already (see adapters/director.py).

Where its socket does not answer, its command does what a resource script would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hbeat.adapters import director
from hbeat.adapters.scripts import CommandRun
from hbeat.core.events import Action, Outcome


class _WithDirector:
    """Waits for the end of a command or, where there is none, for the answer to a request."""

    _call: director.ControlCall | None = None
    _run: CommandRun | None = None

    @property
    def filenos(self) -> list[int]:
        under_way = self._run or self._call
        return under_way.filenos if under_way is not None else []


class DirectorOperation(_WithDirector):
    """A request to ldirectord and, where that does not work, its command. Each next try is a closure."""

    def __init__(self, config: str, action: Action, env: Mapping[str, str], now: float) -> None:
        self._config, self._action, self._env = config, action, env
        self.outcome: Outcome | None = None
        request = {Action.START: "role active", Action.STOP: "role standby", Action.STATUS: "status"}[action]
        try:
            self._call = director.ControlCall(config, request, now + director.CALL_DEADLINE)
        except OSError:
            self._not_running(now)

    def _not_running(self, now: float) -> None:
        if self._action is Action.START:
            self._command("start", now)
        else:
            self.outcome = Outcome(True, "not running")

    def _command(self, verb: str, now: float) -> None:
        argv = director.command(self._config, verb)
        self._run = CommandRun(argv, self._env, now + director.START_DEADLINE)

    @property
    def deadline(self) -> float:
        under_way = self._run or self._call
        assert under_way is not None
        return under_way.deadline

    def step(self, now: float) -> Outcome | None:
        if self._run is not None:
            status = self._run.ready()
            if status is None:
                return None
            return Outcome(status == 0, self._run.output or f"exit status {status}")
        assert self._call is not None
        answer = self._call.ready()
        if answer is None:
            return None
        if answer.get("ok") is True:
            return Outcome(True, "", running=answer.get("role") == "active")
        return self._give_up_on_socket(str(answer.get("error")), now)

    def expire(self, now: float) -> Outcome | None:
        if self._run is not None:
            self._run.expire()
            return Outcome(False, f"no end after {director.START_DEADLINE:g} s: {self._run.output}")
        assert self._call is not None
        self._call.expire()
        return self._give_up_on_socket("no answer", now)

    def _give_up_on_socket(self, why: str, now: float) -> Outcome | None:
        if self._action is Action.STATUS:
            return Outcome(False, why)
        self._command("start" if self._action is Action.START else "stop", now)
        return None


class WarmUp(_WithDirector):
    """Starts an ldirectord in its role, then waits until it has a verdict for every real server: running if one is up.

    is_serving tells the role, and is asked again when the daemon runs: a takeover or a release may have come meanwhile.
    """

    def __init__(self, config: str, env: Mapping[str, str], is_serving: Callable[[], bool], now: float) -> None:
        self._config, self._is_serving = config, is_serving
        argv = director.command(config, "start", "--role", self._role())
        self._run = CommandRun(argv, env, now + director.START_DEADLINE)
        self._has_role = False
        self.deadline = self._run.deadline

    def _role(self) -> str:
        return "active" if self._is_serving() else "standby"

    def step(self, now: float) -> Outcome | None:
        if self._run is not None:
            status = self._run.ready()
            if status is None:
                return None
            if status != 0:
                return Outcome(False, self._run.output or f"exit status {status}")
            self._run = None
            return self._ask(now)
        assert self._call is not None
        answer = self._call.ready()
        if answer is None:
            return None
        if answer.get("ok") is not True:
            return Outcome(False, str(answer.get("error")))
        if answer.get("ready") is True:
            return Outcome(True, running=answer.get("blind") is not True)
        self._has_role = True
        return self._ask(now)

    def _ask(self, now: float) -> Outcome | None:
        request = f"ready {director.READY_WAIT}" if self._has_role else f"role {self._role()}"
        self.deadline = now + director.READY_WAIT + director.CALL_DEADLINE
        try:
            self._call = director.ControlCall(self._config, request, self.deadline)
        except OSError as error:
            return Outcome(False, f"ldirectord does not answer: {error.strerror}")
        return None

    def expire(self, now: float) -> Outcome:
        for under_way in (self._run, self._call):
            if under_way is not None:
                under_way.expire()
        return Outcome(False, "ldirectord did not start, or did not answer in time")


class Glance(_WithDirector):
    """Asks a running ldirectord whether it sees any server; the outcome is running when it does. Raises OSError."""

    def __init__(self, config: str, now: float) -> None:
        self.deadline = now + director.CALL_DEADLINE
        self._call = director.ControlCall(config, "ready 0", self.deadline)

    def step(self, now: float) -> Outcome | None:
        assert self._call is not None
        answer = self._call.ready()
        if answer is None:
            return None
        return Outcome(answer.get("ok") is True, str(answer.get("error", "")), running=answer.get("blind") is not True)

    def expire(self, now: float) -> Outcome:
        assert self._call is not None
        self._call.expire()
        return Outcome(False, "no answer")


class DirectorVigil(director.Vigil):
    """An operation without deadline, which ends when ldirectord does."""

    def step(self, now: float) -> Outcome | None:
        self.close()
        return Outcome(False, "ended")

    def expire(self, now: float) -> Outcome | None:
        return None
