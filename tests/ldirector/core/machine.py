"""A director, a kernel that does what it is told, and a clock that is a number."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable

from ldirector.core.director import Director
from ldirector.core.events import (
    AddReal,
    AddVirtual,
    ApplyOps,
    CancelCheck,
    CloseSentinel,
    Effect,
    Note,
    OpenSentinel,
    OpFailure,
    StartCheck,
    TableOp,
)
from ldirector.core.model import (
    Forwarding,
    Member,
    RealKey,
    RealState,
    Role,
    Service,
    Virtual,
    VirtualKey,
    VirtualState,
)
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import VIP, Config
from tests.ldirector.world import Kernel

GOOD = Verdict(Outcome.PASS, Reason.OK, took=0.003)
REFUSED = Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED, took=0.001)
NOT_RUN = Verdict(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS)
WEB1, WEB2 = RealKey("192.168.2.1", 80), RealKey("192.168.2.2", 80)
OTHER = VirtualKey("tcp", 4, "10.1.1.10", 81)
FOREIGN = VirtualKey("tcp", 4, "10.9.9.9", 99)


class Machine:
    """A director, a kernel that does what it is told, and no clock."""

    def __init__(
        self,
        *of: Virtual,
        role: Role = Role.ACTIVE,
        table: dict[VirtualKey, Service] | None = None,
        maintained: Iterable[Member] = (),
        left: Collection[VirtualKey] = (),
    ) -> None:
        self.kernel = Kernel()
        for key, service in (table or {}).items():
            self.kernel.apply(AddVirtual(key, service.state))
            for real_key, state in service.reals.items():
                self.kernel.apply(AddReal(key, real_key, state))
        self.now = 0.0
        self.director = Director(Config(of), role)
        self.in_flight: dict[int, str] = {}
        self.sentinels: dict[int, tuple[str, int]] = {}
        self.ops: list[TableOp] = []
        self.notes: list[str] = []
        self.perform(self.director.start(self.kernel.table(), self.now, maintained, left))

    def perform(self, effects: list[Effect]) -> None:
        self.ops, self.notes = [], []
        self._perform(effects)

    def _perform(self, effects: list[Effect]) -> None:
        failures = []
        for effect in effects:
            match effect:
                case StartCheck():
                    self.in_flight[effect.check_id] = effect.spec.address
                case CancelCheck():
                    del self.in_flight[effect.check_id]
                case ApplyOps():
                    self.ops += effect.ops
                    for op in effect.ops:
                        if number := self.kernel.apply(op):
                            failures.append(OpFailure(op, number, errno.errorcode[number]))
                case OpenSentinel():
                    self.sentinels[effect.sentinel_id] = (effect.address, effect.port)
                case CloseSentinel():
                    del self.sentinels[effect.sentinel_id]
                case Note():
                    self.notes.append(effect.text)
        if failures:
            self._perform(self.director.table_failed(failures, self.kernel.table(), self.now))

    def tick(self, seconds: float = 2.0) -> None:
        """Let time pass to the next deadline and on, so that every idle probe is started once."""
        self.now += seconds
        self.perform(self.director.handle_timer(self.now))

    def report(self, verdict: Verdict, address: str = "") -> None:
        """End all checks in flight, or those of one server."""
        ended = [check_id for check_id, spec in self.in_flight.items() if not address or spec == address]
        effects: list[Effect] = []
        for check_id in ended:
            del self.in_flight[check_id]
            effects += self.director.finished(check_id, verdict, self.now)
        self.perform(effects)

    def round(self, verdict: Verdict) -> None:
        self.tick()
        self.report(verdict)

    def next_in(self) -> float:
        """Seconds until the next deadline."""
        deadline = self.director.next_deadline()
        assert deadline is not None
        return deadline - self.now

    def lose(self, address: str) -> None:
        """The sentinel of a server ends."""
        (lost,) = [number for number, target in self.sentinels.items() if target[0] == address]
        del self.sentinels[lost]
        self.perform(self.director.sentinel_lost(lost, self.now))

    def maintain(self, *members: Member) -> None:
        self.perform(self.director.maintain(members, self.now))

    def weights(self, key: VirtualKey = VIP) -> dict[str, int]:
        return {real_key.address: state.weight for real_key, state in self.kernel.table()[key].reals.items()}

    def state(self, index: int = 0) -> str:
        return self.director.snapshot().virtuals[0].reals[index].state


def reloaded(machine: Machine, *of: Virtual) -> None:
    machine.perform(machine.director.reload(Config(of), machine.kernel.table(), machine.now))


def masq(weight: int) -> RealState:
    return RealState(Forwarding.MASQ, weight)


def table_with(*entries: tuple[RealKey, int], state: VirtualState | None = None) -> dict[VirtualKey, Service]:
    return {VIP: Service(state or VirtualState(), {key: masq(weight) for key, weight in entries})}
