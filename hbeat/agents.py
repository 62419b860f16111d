"""Resource actions: which adapter does what a `RunResource` asks for.

Addresses are set at once, in this process. ldirectord and scripts take time: they become an `Operation` that the loop
watches, and that turns into an `Outcome` when it ends or its deadline passes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from hbeat.adapters import director
from hbeat.adapters.garp import Announcer
from hbeat.adapters.ipaddr import AddressError, Addresses
from hbeat.adapters.scripts import DEADLINES, CommandRun, find_script, judge, missing_script
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource
from hbeat.core.ownership import ADDRESS_SCRIPTS
from hbeat.core.vip import parse_vip
from hbeat.load import Configuration


class Operation(Protocol):
    """Something under way outside this process."""

    @property
    def deadline(self) -> float: ...

    @property
    def filenos(self) -> list[int]: ...

    def step(self, now: float) -> Outcome | None:
        """A descriptor is readable: the outcome, or None while it goes on."""

    def expire(self, now: float) -> Outcome | None:
        """The deadline has passed: the outcome, or None when something else is tried now."""


class ScriptOperation:
    """A resource script."""

    def __init__(self, resource: Resource, action: Action, argv: list[str], env: Mapping[str, str], now: float) -> None:
        self._resource, self._action = resource, action
        self._run = CommandRun(argv, env, now + DEADLINES[action])
        self.deadline = self._run.deadline

    @property
    def filenos(self) -> list[int]:
        return self._run.filenos

    def step(self, now: float) -> Outcome | None:
        status = self._run.ready()
        return None if status is None else judge(self._resource, self._action, status, self._run.output)

    def expire(self, now: float) -> Outcome:
        self._run.expire()
        return Outcome(False, f"no end after {DEADLINES[self._action]:g} s, killed: {self._run.output}")


class DirectorOperation:
    """A request to ldirectord and, where that does not work, its command. Each next try is a closure."""

    def __init__(self, config: str, action: Action, env: Mapping[str, str], now: float) -> None:
        self._config, self._action, self._env = config, action, env
        self._call: director.ControlCall | None = None
        self._run: CommandRun | None = None
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

    @property
    def filenos(self) -> list[int]:
        under_way = self._run or self._call
        return under_way.filenos if under_way is not None else []

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


class WarmUp:
    """Brings an ldirectord into the role standby, then waits until it has a verdict for every real server.

    is_serving is asked before the role is set: a takeover may have come meanwhile, and it must not be undone.
    """

    def __init__(self, config: str, env: Mapping[str, str], is_serving: Callable[[], bool], now: float) -> None:
        self._config, self._is_serving = config, is_serving
        role = "active" if is_serving() else "standby"  # it may have died while it served
        argv = director.command(config, "start", "--role", role)
        self._run: CommandRun | None = CommandRun(argv, env, now + director.START_DEADLINE)
        self._call: director.ControlCall | None = None
        self._requests = ["role standby", f"ready {director.READY_WAIT}"]
        self.deadline = self._run.deadline

    @property
    def filenos(self) -> list[int]:
        under_way = self._run or self._call
        return under_way.filenos if under_way is not None else []

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
            return Outcome(True)
        if len(self._requests) > 1:
            self._requests.pop(0)
        return self._ask(now)

    def _ask(self, now: float) -> Outcome | None:
        if len(self._requests) > 1 and self._is_serving():
            self._requests.pop(0)
        self.deadline = now + director.READY_WAIT + director.CALL_DEADLINE
        try:
            self._call = director.ControlCall(self._config, self._requests[0], self.deadline)
        except OSError as error:
            return Outcome(False, f"ldirectord does not answer: {error.strerror}")
        return None

    def expire(self, now: float) -> Outcome:
        for under_way in (self._run, self._call):
            if under_way is not None:
                under_way.expire()
        return Outcome(False, "ldirectord did not start, or did not answer in time")


class DirectorVigil(director.Vigil):
    """An operation without deadline, which ends when ldirectord does."""

    def step(self, now: float) -> Outcome | None:
        self.close()
        return Outcome(False, "ended")

    def expire(self, now: float) -> Outcome | None:
        return None


class Agents:
    """Does resource actions. report: where problems which are no failures go."""

    def __init__(self, env: Mapping[str, str], report: Callable[[str], None]) -> None:
        self.env = env
        self._report = report
        self._addresses = Addresses()
        self.announcer = Announcer()
        self._serving: set[str] = set()  # configurations of ldirectord that were told to serve

    def run(self, resource: Resource, action: Action, now: float) -> Outcome | Operation:
        """The outcome, or the operation that will have one."""
        if resource.script in ADDRESS_SCRIPTS:
            return self._address(resource, action, now)
        if resource.script == director.PROGRAM:
            return self._director(_config_of(resource), action, now)
        path = find_script(resource.script)
        if path is None:
            # nothing of that name can have been started, so there is nothing to stop
            return Outcome(action is not Action.START, missing_script(resource.script))
        argv = [str(path), *resource.arguments, action.value]
        try:
            return ScriptOperation(resource, action, argv, self.env, now)
        except OSError as error:
            return Outcome(False, f"{path} cannot be executed: {error.strerror}")

    def _address(self, resource: Resource, action: Action, now: float) -> Outcome:
        spec = parse_vip(resource.arguments[0])
        try:
            match action:
                case Action.START:
                    placed = self._addresses.add(spec, aliased=resource.script == "IPaddr")
                    problem = self.announcer.announce(spec.address, placed.interface, placed.mac, now)
                    if problem:
                        self._report(problem)
                    return Outcome(True, f"on {placed.interface}", running=True)
                case Action.STOP:
                    self.announcer.silence(spec.address)
                    return Outcome(True, ", ".join(self._addresses.remove(spec)))
                case Action.STATUS:
                    return Outcome(True, running=self._addresses.present(spec))
        except AddressError as error:
            return Outcome(False, str(error))

    def _director(self, config: str, action: Action, now: float) -> Outcome | Operation:
        if action is Action.START:
            self._serving.add(config)
        elif action is Action.STOP:
            self._serving.discard(config)
        try:
            operation = DirectorOperation(config, action, self.env, now)
        except OSError as error:
            return Outcome(False, str(error))
        return operation if operation.outcome is None else operation.outcome

    def warm_up(self, resource: Resource, now: float) -> Outcome | Operation:
        """Starts what `Prepare` asks for; the outcome is ok when the resource is ready to serve."""
        config = _config_of(resource)
        try:
            return WarmUp(config, self.env, lambda: config in self._serving, now)
        except OSError as error:
            return Outcome(False, str(error))

    def watch(self, resource: Resource) -> Outcome | Operation:
        """Watches what `warm_up` started; it is over, and not ok, when that has ended."""
        try:
            return DirectorVigil(_config_of(resource))
        except OSError as error:
            return Outcome(False, str(error))

    def cool_down(self, resource: Resource, now: float) -> Outcome | Operation:
        """Ends what `warm_up` began."""
        try:
            argv = director.command(_config_of(resource), "stop")
            return ScriptOperation(resource, Action.STOP, argv, self.env, now)
        except OSError as error:
            return Outcome(False, str(error))

    def close(self) -> None:
        self._addresses.close()
        self.announcer.close()


def _config_of(resource: Resource) -> str:
    """ldirectord's configuration as haresources names it; "" when it is left to ldirectord."""
    return resource.arguments[0] if resource.arguments else ""


def script_environment(config: Configuration) -> dict[str, str]:
    """What resource scripts find in their environment (reference section 12.2): ha.cf's words and where things are."""
    parameters = dict(config.ha.parameters)
    env = {f"HA_{name}": value for name, value in parameters.items()}
    env |= {f"HA_{name}": value for name, value in config.ha.environment}
    env |= {
        "HA_CURHOST": config.node,
        "HA_DIR": "/etc/ha.d/",
        "HA_FUNCS": "/etc/ha.d//shellfuncs",
        "HA_RCDIR": "/etc/ha.d//rc.d",
        "HA_RESOURCEDIR": "/etc/ha.d//resource.d",
        "HA_DOCDIR": "/usr/share/doc/heartbeat",
        "HA_BIN": str(Path(sys.executable).parent),
        "HA_OSTATUS": "active",
        "HA_LOGD": "no",
        "HA_NICEFAILBACK": "yes",
        "HA_DATEFMT": "%Y/%m/%d_%T ",
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_AGENTS": "/usr/lib/ocf/resource.d/heartbeat/",
        "LC_ALL": "C",
        "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".lstrip(
            ":"
        ),
    }
    for name, variable in (("logfile", "HA_LOGFILE"), ("debugfile", "HA_DEBUGLOG"), ("logfacility", "HA_LOGFACILITY")):
        if name in parameters:
            env[variable] = parameters[name]
    return env
