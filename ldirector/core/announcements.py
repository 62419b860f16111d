"""Who is told when servers come and go: fallbackcommand, mails. Nobody, while this node is standby.

What is told follows from the farm's transitions and from what the daemon does; the kernel's table comes first, and
none of it waits for this. Only real servers that left the file are known by nothing but the table: by what is deleted
from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ldirector.core.alerts import Alerts, DaemonState, Happening, What, happening
from ldirector.core.events import ApplyOps, DeleteReal, Effect
from ldirector.core.fallback_commands import FallbackCommands
from ldirector.core.farm import Farm
from ldirector.core.model import RealKey, Virtual, VirtualKey
from ldirector.core.pool import FALLBACK_WEIGHT
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
        self._fallbacks: dict[VirtualKey, RealKey] = {}  # those in force
        self._state = DaemonState.STARTING

    def serve(
        self, sender: str, now: float, state: DaemonState | None, edits: Iterable[Effect], occasion: str
    ) -> list[Effect]:
        """This node serves the farm as it is now.

        sender: emailalertfrom. state: what begins with this. edits: what was done to the table for it, on which
        occasion.
        """
        self._virtuals = tuple(self._farm.virtuals.values())
        self._with_command = tuple(virtual for virtual in self._virtuals if virtual.fallbackcommand)
        down = {member for member in self._farm.reals if self._farm.is_down(member)}
        self._alerts.configure(self._virtuals, sender or f"ldirectord@{self._host}", down, now)
        if state:
            self._enter(state)
        self._fallbacks = {key: real for key, real in self._fallbacks.items() if key in self._farm.virtuals}
        self._alerts.told([*self._purged(edits, occasion), *self._follow_fallbacks(self._farm.virtuals)], now)
        return self._follow()

    def rest(self, now: float) -> list[Effect]:
        """This node serves nothing any more."""
        self._virtuals = self._with_command = ()
        self._fallbacks.clear()
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
        touched = {transition.virtual: None for transition in transitions}
        self._alerts.told([*happenings, *self._follow_fallbacks(touched)], now)
        return self._follow() if any(virtual.key in touched for virtual in self._with_command) else []

    def stop(self, now: float) -> list[Effect]:
        """The daemon ends: virtuals with cleanstop=yes leave the table."""
        self._enter(DaemonState.STOPPING)
        self._alerts.told(self._served(), now)
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
        deserted = {virtual.key for virtual in self._with_command if not self._farm.any_serves(virtual.key)}
        return list(self._commands.follow(self._with_command, deserted))

    def _follow_fallbacks(self, keys: Iterable[VirtualKey]) -> Iterable[Happening]:
        """Which fallbacks of these virtuals came into force or left since they were last asked for."""
        for key in keys:
            fallback = self._farm.virtuals[key].fallback
            before = self._fallbacks.pop(key, None)
            after = fallback.key if fallback and not self._farm.any_serves(key) else None
            if after:
                self._fallbacks[key] = after
            if before == after:
                continue
            if before:
                why = "" if after else "a real server is up"
                yield Happening(key, before, What.FALLBACK_DELETED, why=why)
            if after:
                yield Happening(key, after, What.FALLBACK_ADDED, FALLBACK_WEIGHT, why="no real server is up")

    def _purged(self, edits: Iterable[Effect], occasion: str) -> Iterable[Happening]:
        """Real servers that are deleted because the file does not have them."""
        for edit in edits:
            for op in edit.ops if isinstance(edit, ApplyOps) else ():
                if isinstance(op, DeleteReal) and op.virtual in self._farm.virtuals:
                    fallback = self._farm.virtuals[op.virtual].fallback
                    known = (op.virtual, op.key) in self._farm.reals or (fallback and fallback.key == op.key)
                    if not known and self._fallbacks.get(op.virtual) != op.key:
                        yield Happening(op.virtual, op.key, What.PURGED, occasion=occasion)

    def _served(self) -> Iterable[Happening]:
        """The real servers that a stop takes out of the table."""
        for virtual in self._virtuals:
            if virtual.cleanstop:
                for real in virtual.reals:
                    if self._farm.is_up((virtual.key, real.key)):
                        yield Happening(virtual.key, real.key, What.PURGED, occasion="stop")
