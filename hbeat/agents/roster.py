"""Who does what: the agent of each resource, and ldirectord kept warm on the node that does not serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from hbeat.adapters import director
from hbeat.agents.address import AddressAgent
from hbeat.agents.director import DirectorOperation, DirectorVigil, Glance, WarmUp
from hbeat.agents.lookup import LookupFailed, command_for
from hbeat.agents.mail import LIMIT as MAIL_LIMIT
from hbeat.agents.mail import compose, find_sendmail, sendmail_command
from hbeat.agents.operation import CommandOperation, Operation
from hbeat.agents.sync_daemon import swap
from hbeat.agents.vips import Vips
from hbeat.core.builtin import parse_ldirectord, parse_mailto
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource

DEADLINES = {Action.START: 180.0, Action.STOP: 180.0, Action.STATUS: 30.0}
"""Seconds. The original waits for ever, and with it the whole cluster: one action runs at a time."""


class Agents:
    """Does resource actions. report: where problems which are no failures go.

    vips: of a daemon, which renews leases.
    """

    def __init__(self, env: Mapping[str, str], report: Callable[[str], None], vips: Vips | None = None) -> None:
        self.env = env
        self._report = report
        self._asides: list[Operation] = []
        self.addresses = AddressAgent(report, vips)
        self.announcer = self.addresses.announcer
        self._serving: set[str] = set()  # configurations of ldirectord that were told to serve

    def run(self, resource: Resource, action: Action, now: float) -> Outcome | Operation:
        """The outcome, or the operation that will have one."""
        match resource.script:
            case "IPaddr" | "IPaddr2" | "IPv6addr" | "IPsrcaddr" | "SendArp":
                return self.addresses.run(resource, action, now)
            case "ldirectord":
                return self._director(parse_ldirectord(resource.arguments), action, now)
            case "LVSSyncDaemonSwap":
                return swap(resource, action)
            case "MailTo":
                return self._mail(resource, action, now)
        return self._command(resource, action, now)

    def _command(self, resource: Resource, action: Action, now: float) -> Outcome | Operation:
        try:
            command = command_for(resource, action)
            env = {**self.env, **command.env}
            return CommandOperation(command.argv, env, command.judge, DEADLINES[action], now)
        except LookupFailed as error:
            return Outcome(action is Action.STATUS, str(error))  # what cannot be called has not been started here
        except OSError as error:
            return Outcome(action is Action.STATUS, f"{resource.text} cannot be executed: {error.strerror}")

    def _mail(self, resource: Resource, action: Action, now: float) -> Outcome:
        program = find_sendmail()
        if action is Action.STATUS or program is None:
            return Outcome(True, "" if program else "no program sendmail: no mail is sent")
        spec = parse_mailto(resource.arguments)
        date = time.strftime("%a, %d %b %Y %H:%M:%S")
        mail = compose(spec, action, self.env["HA_CURHOST"], date)
        judge = partial(_judge_mail, resource)
        try:
            self._asides.append(CommandOperation(sendmail_command(program), self.env, judge, MAIL_LIMIT, now, mail))
        except OSError as error:
            self._report(f"{resource.text}: {program} cannot be executed: {error.strerror}")
        return Outcome(True)

    def take_asides(self) -> list[Operation]:
        """What `run` has begun and no plan waits for: follow it, a failure is a warning."""
        asides, self._asides = self._asides, []
        return asides

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
        config = parse_ldirectord(resource.arguments)
        try:
            return WarmUp(config, self.env, lambda: config in self._serving, now)
        except OSError as error:
            return Outcome(False, str(error))

    def watch(self, resource: Resource) -> Outcome | Operation:
        """Watches what `warm_up` started; it is over, and not ok, when that has ended."""
        try:
            return DirectorVigil(parse_ldirectord(resource.arguments))
        except OSError as error:
            return Outcome(False, str(error))

    def glance(self, resource: Resource, now: float) -> Outcome | Operation:
        """Whether what `warm_up` started sees any server: then the outcome is running."""
        try:
            return Glance(parse_ldirectord(resource.arguments), now)
        except OSError as error:
            return Outcome(False, str(error))

    def cool_down(self, resource: Resource, now: float) -> Outcome | Operation:
        """Ends what `warm_up` began."""
        try:
            argv = director.command(parse_ldirectord(resource.arguments), "stop")
            return CommandOperation(argv, self.env, _judge_plain, DEADLINES[Action.STOP], now)
        except OSError as error:
            return Outcome(False, str(error))

    def close(self) -> None:
        self.addresses.close()


def _judge_plain(status: int, output: str) -> Outcome:
    return Outcome(status == 0, output or f"exit status {status}")


def _judge_mail(resource: Resource, status: int, output: str) -> Outcome:
    return Outcome(status == 0, "" if status == 0 else f"{resource.text}: no mail was sent: {output or status}")
