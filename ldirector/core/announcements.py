"""Who is told when servers come and go: fallbackcommand, mails. Nobody, while this node is standby.

What is told follows from the farm's transitions and from what the daemon does; the kernel's table comes first, and
none of it waits for this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ldirector.core.alerts import Alerts, DaemonState, Happening, What, happening
from ldirector.core.events import Effect
from ldirector.core.fallback_commands import FallbackCommands
from ldirector.core.farm import Farm
from ldirector.core.model import Virtual
from ldirector.core.transcript import Transition


class Announcements:
    """The news of one farm. host: this machine's name, for mails."""

    def __init__(self, farm: Farm, host: str) -> None:
        self._farm = farm
        self._host = host
        self._alerts = Alerts(host)
        self._commands = FallbackCommands()
        self._virtuals: tuple[Virtual, ...] = ()
        self._with_command: tuple[Virtual, ...] = ()
        self._state = DaemonState.STARTING

    def serve(self, sender: str, now: float, state: DaemonState | None = None) -> list[Effect]:
        """This node serves the farm as it is now. sender: emailalertfrom. state: what begins with this."""
        self._virtuals = tuple(self._farm.virtuals.values())
        self._with_command = tuple(virtual for virtual in self._virtuals if virtual.fallbackcommand)
        down = {member for member in self._farm.reals if self._farm.is_down(member)}
        self._alerts.configure(self._virtuals, sender or f"ldirectord@{self._host}", down, now)
        if state:
            self._enter(state)
        return self._follow()

    def rest(self, now: float) -> list[Effect]:
        """This node serves nothing any more."""
        self._virtuals = self._with_command = ()
        self._alerts.configure((), "", (), now)
        return self._follow()

    def is_settled(self) -> None:
        """All that began is known: from now on the daemon is simply running."""
        if self._state is not DaemonState.RUNNING:
            self._enter(DaemonState.RUNNING)

    def changed(self, transitions: Collection[Transition], now: float) -> list[Effect]:
        """The health of these reals changed."""
        if not transitions or not self._virtuals:
            return []
        farm = self._farm
        happenings = [
            happening(each, farm.virtuals[each.virtual], farm.reals[each.virtual, each.real].weight)
            for each in transitions
        ]
        self._alerts.told(happenings, now)
        touched = {transition.virtual for transition in transitions}
        return self._follow() if any(virtual.key in touched for virtual in self._with_command) else []

    def stop(self, now: float) -> list[Effect]:
        """The daemon ends: virtuals with cleanstop=yes leave the table."""
        self._enter(DaemonState.STOPPING)
        self._alerts.told(self._purged(), now)
        mails = self._alerts.flush(now)
        self._with_command = tuple(virtual for virtual in self._with_command if not virtual.cleanstop)
        return [*self._follow(), *mails]

    def next_deadline(self) -> float | None:
        return self._alerts.next_deadline()

    def handle_timer(self, now: float) -> list[Effect]:
        """The mails that are due."""
        deadline = self._alerts.next_deadline()
        return list(self._alerts.handle_timer(now)) if deadline is not None and deadline <= now else []

    def _enter(self, state: DaemonState) -> None:
        self._state = state
        self._alerts.enter(state)

    def _follow(self) -> list[Effect]:
        deserted = {virtual.key for virtual in self._with_command if not self._farm.any_up(virtual.key)}
        return list(self._commands.follow(self._with_command, deserted))

    def _purged(self) -> Iterable[Happening]:
        for virtual in self._virtuals:
            if virtual.cleanstop:
                for real in virtual.reals:
                    if self._farm.is_up((virtual.key, real.key)):
                        yield Happening(virtual.key, real.key, What.PURGED, occasion="stop")
