"""The resource `ldirectord::FILE`: taking over is a word to a daemon that is warm already (see adapters/director.py).

Where its socket does not answer, its command does what a resource script would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hbeat.adapters import director
from hbeat.adapters.scripts import CommandRun
from hbeat.core.events import Action, Outcome

VOUCHED = "role active vouched"
"""The request to serve, with the other node's word for servers that this one does not see (`hbeat.core.sight`)."""


class _WithDirector:
    """Waits for the end of a command or, where there is none, for the answer to a request."""

    _call: director.ControlCall | None = None
    _run: CommandRun | None = None

    @property
    def filenos(self) -> list[int]:
        under_way = self._run or self._call
        return under_way.filenos if under_way is not None else []


class DirectorOperation(_WithDirector):
    """A request to ldirectord and, where that does not work, its command. Each next try is a closure.

    vouched: a start has the other node's word with it.
    """

    def __init__(self, config: str, action: Action, env: Mapping[str, str], now: float, vouched: bool = False) -> None:
        self._config, self._action, self._env = config, action, env
        self.outcome: Outcome | None = None
        start = VOUCHED if vouched else "role active"
        request = {Action.START: start, Action.STOP: "role standby", Action.STATUS: "status"}[action]
        try:
            self._call = director.ControlCall(config, request, now + director.CALL_DEADLINE)
        except BlockingIOError:
            self.outcome = Outcome(False, "ldirectord runs and does not answer")
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
        try:
            self._command("start" if self._action is Action.START else "stop", now)
        except OSError as error:
            return Outcome(False, f"{why}; {error}")
        return None


class WarmUp(_WithDirector):
    """Starts an ldirectord in its role, then waits until it has a verdict for every real server: running if one is up.

    serving tells the role, and is asked again when the daemon runs: a takeover or a release may have come meanwhile.
    None: standby; else active, and true when it serves on the other node's word.
    """

    def __init__(self, config: str, env: Mapping[str, str], serving: Callable[[], bool | None], now: float) -> None:
        self._config, self._serving = config, serving
        argv = director.command(config, "start", "--role", self._role())
        self._run = CommandRun(argv, env, now + director.START_DEADLINE)
        self._has_role = False
        self.deadline = self._run.deadline

    def _role(self) -> str:
        return "standby" if self._serving() is None else "active"

    def _request(self) -> str:
        serving = self._serving()
        return "role standby" if serving is None else VOUCHED if serving else "role active"

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
        request = f"ready {director.READY_WAIT}" if self._has_role else self._request()
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


class CoolDown(_WithDirector):
    """Tells an ldirectord to end, and is over when it has ended. Raises OSError when that cannot be begun.

    A word costs nothing where the command would load an interpreter, while the other node needs the processor for its
    takeover. The command is for a daemon that is not heard of yet, or does not do as told.
    """

    _vigil: director.Vigil | None = None

    def __init__(self, config: str, env: Mapping[str, str], now: float) -> None:
        self._config, self._env = config, env
        self.deadline = now + director.CALL_DEADLINE
        try:
            self._call = director.ControlCall(config, "stop", self.deadline)
            self._vigil = director.Vigil(config)
        except OSError:
            self._command(now)

    @property
    def filenos(self) -> list[int]:
        return [*super().filenos, *(self._vigil.filenos if self._vigil is not None else ())]

    def step(self, now: float) -> Outcome | None:
        if self._run is not None:
            status = self._run.ready()
            return None if status is None else Outcome(status == 0, self._run.output or f"exit status {status}")
        if self._vigil is not None and self._vigil.ended:
            self._leave_alone()
            return Outcome(True)
        if self._call is not None and (answer := self._call.ready()) is not None:
            self._call = None
            if answer.get("ok") is not True:
                return self._try_command(now)
        return None

    def expire(self, now: float) -> Outcome | None:
        if self._run is None:
            return self._try_command(now)
        self._run.expire()
        return Outcome(False, f"no end after {director.STOP_DEADLINE:g} s: {self._run.output}")

    def _try_command(self, now: float) -> Outcome | None:
        try:
            self._command(now)
        except OSError as error:
            return Outcome(False, str(error))
        return None

    def _command(self, now: float) -> None:
        self._leave_alone()
        self.deadline = now + director.STOP_DEADLINE
        self._run = CommandRun(director.command(self._config, "stop"), self._env, self.deadline)

    def _leave_alone(self) -> None:
        if self._call is not None:
            self._call.expire()
        if self._vigil is not None:
            self._vigil.close()
        self._call = self._vigil = None


class _Question(_WithDirector):
    """One request to a running ldirectord. Raises OSError."""

    request: str

    def __init__(self, config: str, now: float) -> None:
        self.deadline = now + director.CALL_DEADLINE
        self._call = director.ControlCall(config, self.request, self.deadline)

    def step(self, now: float) -> Outcome | None:
        assert self._call is not None
        answer = self._call.ready()
        return None if answer is None else self._outcome(answer)

    def expire(self, now: float) -> Outcome:
        assert self._call is not None
        self._call.expire()
        return Outcome(False, f"{self.request}: no answer from ldirectord")

    def _outcome(self, answer: Mapping[str, object]) -> Outcome:
        """What the answer says."""
        return Outcome(answer.get("ok") is True, f"{self.request}: {answer.get('error', '')}")


class Glance(_Question):
    """Asks whether it sees any server; the outcome is running when it does.

    Not ok while servers wait for their first verdict, as after a reload: what it will see is not known.
    """

    request = "ready 0"

    def _outcome(self, answer: Mapping[str, object]) -> Outcome:
        known = answer.get("ok") is True and answer.get("ready") is True
        return Outcome(known, str(answer.get("error", "")), running=answer.get("blind") is not True)


class Unvouch(_Question):
    """Tells it that the other node's word stands no more."""

    request = "unvouch"


class DirectorVigil(director.Vigil):
    """An operation without deadline, which ends when ldirectord does."""

    def step(self, now: float) -> Outcome | None:
        self.close()
        return Outcome(False, "ended")

    def expire(self, now: float) -> Outcome | None:
        return None
