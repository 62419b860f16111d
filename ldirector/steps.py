"""Performs what the director decides, and wakes it when it wants to be woken.

Order within one step: edits of the kernel's table first, because traffic depends on them; then checks are started or
cancelled; log lines last. Edits are plain calls (see adapters/ipvs.py), so when a step has returned, the table is
written. A table that cannot be read or written is logged and tried again with the next step; nothing ends the daemon
but stop.
"""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from ldirector.adapters.ipvs import IpvsError
from ldirector.adapters.log import Log
from ldirector.core.director import Director
from ldirector.core.events import AddVirtual, ApplyOps, DeleteVirtual, Effect, Level, OpFailure, TableOp
from ldirector.core.model import Service, VirtualKey
from ldirector.core.verdict import Verdict
from ldirector.performer import Performer

MAX_REPLANS = 3  # within one step, when the kernel refuses edits
TICK = 0.002  # seconds; checks that are due within it start together
RETRY_SECONDS = 1.0  # after an error of the whole table, or of this program


class KernelTable(Protocol):
    """What the daemon needs of adapters/ipvs.py."""

    def read(self) -> dict[VirtualKey, Service]: ...

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]: ...


class Record(Protocol):
    """What the daemon needs of adapters/table_record.py."""

    @property
    def keys(self) -> frozenset[VirtualKey]: ...

    def read(self) -> frozenset[VirtualKey]: ...

    def keep(self, keys: Iterable[VirtualKey]) -> None: ...


class Steps:
    """The steps of one director. ready: set while each real that is checked has a verdict."""

    def __init__(
        self,
        director: Director,
        kernel: KernelTable,
        record: Record,
        log: Log,
        checks_in_flight: int,
        commands_in_flight: int,
    ) -> None:
        self._director, self._kernel, self._record, self._log = director, kernel, record, log
        self.performer = Performer(
            log,
            self._check_finished,
            self._sentinel_lost,
            lambda: self.guarded(self._reconcile),
            checks_in_flight,
            commands_in_flight,
        )
        self.ready = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._refused: list[OpFailure] = []
        self._results: list[tuple[int, Verdict]] = []

    @staticmethod
    def now() -> float:
        """The loop's clock, as the director gets it."""
        return asyncio.get_running_loop().time()

    def end(self) -> None:
        """No more steps by themselves."""
        if self._timer:
            self._timer.cancel()

    def perform(self, effects: Sequence[Effect]) -> None:
        """Carry out one step's effects, then arm the timer. Raises IpvsError when the table cannot be read."""
        effects = list(effects)
        self._edit_table(effects)
        try:
            for _ in range(MAX_REPLANS):
                if not self._refused:
                    break
                planned = self._director.table_failed(self._refused, self._kernel.read(), self.now())
                self._refused = []
                self._edit_table(planned)
                effects += planned
        finally:
            self._perform_rest(effects)

    def _edit_table(self, effects: Sequence[Effect]) -> None:
        """What becomes ours is on file before it is in the kernel: killed in between, it is known whose it is."""
        edits = [op for effect in effects if isinstance(effect, ApplyOps) for op in effect.ops]
        come_or_go = any(isinstance(op, AddVirtual | DeleteVirtual) for op in edits)
        if come_or_go:
            self._record.keep(self._record.keys.union(self._director.written()))
        if edits:
            self._refused += self._kernel.apply(edits)
        if come_or_go and not self._refused:
            self._record.keep(self._director.written())

    def _perform_rest(self, effects: Sequence[Effect]) -> None:
        self.performer.perform(effects)
        if self._director.is_ready() != self.ready.is_set():
            self.ready.clear() if self.ready.is_set() else self.ready.set()
        self._arm()

    def _arm(self, at_least: float = 0.0) -> None:
        """Set the timer for the director's next deadline, not before so many seconds from now."""
        deadline = self._director.next_deadline()
        if deadline is not None and at_least:
            deadline = max(deadline, self.now() + at_least)
        if self._timer and self._armed_for == deadline:
            return
        if self._timer:
            self._timer.cancel()
        # The next whole TICK: one step serves all deadlines in it, and uvloop, whose clock has milliseconds, would
        # otherwise wake too early and spin until the deadline.
        when = math.ceil((deadline or 0.0) / TICK) * TICK
        self._timer = (
            None if deadline is None else asyncio.get_running_loop().call_at(when, self.guarded, self._time_passed)
        )
        self._armed_for = deadline

    def _time_passed(self) -> None:
        self._timer = None
        self.perform(self._director.handle_timer(self.now()))

    def _reconcile(self) -> None:
        self.perform(self._director.reconcile(self._kernel.read(), self.now()))

    def _sentinel_lost(self, sentinel_id: int) -> None:
        self.guarded(lambda: self.perform(self._director.sentinel_lost(sentinel_id, self.now())))

    def _check_finished(self, check_id: int, verdict: Verdict) -> None:
        """Results of the same turn of the loop are taken together: one edit of the table, one opening of the log."""
        if not self._results:
            asyncio.get_running_loop().call_soon(self.guarded, self._take_results)
        self._results.append((check_id, verdict))

    def _take_results(self) -> None:
        results, self._results = self._results, []
        effects: list[Effect] = []
        for check_id, verdict in results:
            self.guarded(partial(self._judge, check_id, verdict, effects))
        self.perform(effects)

    def _judge(self, check_id: int, verdict: Verdict, effects: list[Effect]) -> None:
        effects += self._director.finished(check_id, verdict, self.now())

    def guarded(self, step: Callable[[], None]) -> None:
        """A step of the loop: an unusable table or a bug of ours is logged, and the daemon goes on."""
        try:
            step()
        except IpvsError as error:
            self._log.write(Level.ERROR, str(error))
            self._arm(RETRY_SECONDS)
        except Exception:
            self._log.write(Level.ERROR, "an error of this program:", traceback.format_exc())
            self._arm(RETRY_SECONDS)
