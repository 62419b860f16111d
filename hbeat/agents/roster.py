"""Who does what: the agent of each resource, and ldirectord kept warm on the node that does not serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from hbeat.adapters.default_route import FILE as ROUTE_FILE
from hbeat.agents.address import AddressAgent
from hbeat.agents.director import CoolDown, DirectorOperation, DirectorVigil, Glance, Unvouch, WarmUp
from hbeat.agents.lookup import LookupFailed, command_for
from hbeat.agents.mail import LIMIT as MAIL_LIMIT
from hbeat.agents.mail import compose, find_sendmail, sendmail_command
from hbeat.agents.operation import CommandOperation, Operation
from hbeat.agents.sync_daemon import swap
from hbeat.agents.vips import Vips
from hbeat.core.builtin import parse_ldirectord, parse_mailto
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource, Sessions

DEADLINES = {Action.START: 180.0, Action.STOP: 180.0, Action.STATUS: 30.0}
"""Seconds. The original waits for ever, and with it the whole cluster: one action runs at a time."""


class Agents:
    """Does resource actions. report: where problems which are no failures go.

    vips: of a daemon, which renews leases. route_file: where IPsrcaddr keeps how the default route was.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        report: Callable[[str], None],
        vips: Vips | None = None,
        route_file: Path = ROUTE_FILE,
    ) -> None:
        self.env = env
        self._report = report
        self._asides: list[Operation] = []
        self.addresses = AddressAgent(report, vips, route_file)
        self.announcer = self.addresses.announcer
        self._serving: dict[str, bool] = {}  # configurations of ldirectord told to serve; on the other node's word?
        self._keeps_warm = True
        self._vouched: set[str] = set()  # those for whose servers it stands

    def heed(self, sessions: Sessions) -> None:
        """How addresses are announced from now on, and whether an ldirectord that does not serve goes on."""
        self._keeps_warm = sessions.warm_standby
        self.announcer.repeat, self.announcer.interval = sessions.arp_repeat, sessions.arp_interval

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
        vouched = config in self._vouched
        if action is Action.START:
            self._serving[config] = vouched
        elif action is Action.STOP:
            self._serving.pop(config, None)
        try:
            if action is Action.STOP and not self._keeps_warm:
                return CoolDown(config, self.env, now)
            operation = DirectorOperation(config, action, self.env, now, vouched)
        except OSError as error:
            return Outcome(False, str(error))
        return operation if operation.outcome is None else operation.outcome

    def warm_up(self, resource: Resource, now: float) -> Outcome | Operation:
        """Starts what `Prepare` asks for; the outcome is ok when the resource is ready to serve."""
        config = parse_ldirectord(resource.arguments)
        try:
            return WarmUp(config, self.env, lambda: self._serving.get(config), now)
        except OSError as error:
            return Outcome(False, str(error))

    def vouch(self, resource: Resource, on: bool, now: float) -> Outcome | Operation:
        """The other node's word stands for its servers when it is told to serve, or no more, from now on."""
        config = parse_ldirectord(resource.arguments)
        if on:
            self._vouched.add(config)
            return Outcome(True)
        self._vouched.discard(config)
        if not self._serving.get(config):
            return Outcome(True)
        self._serving[config] = False
        try:
            return Unvouch(config, now)
        except OSError:
            return Outcome(True)  # it does not run; started again, it is not told of the word

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
        """Ends what `warm_up` began, or is in the middle of."""
        try:
            return CoolDown(parse_ldirectord(resource.arguments), self.env, now)
        except OSError as error:
            return Outcome(False, str(error))

    def close(self) -> None:
        self.addresses.close()


def _judge_mail(resource: Resource, status: int, output: str) -> Outcome:
    return Outcome(status == 0, "" if status == 0 else f"{resource.text}: no mail was sent: {output or status}")
