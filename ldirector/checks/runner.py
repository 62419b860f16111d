"""Runs the probes the director asks for, and says NOT_RUN wherever the fault is ours.

Theory. Each check has one hard deadline: its timeout, counted from the moment it gets a slot. Slots bound how many run
at once; external commands have few of their own, because each is a process. Whoever finds none waits for its turn,
however long: the queue is first come, first served and holds a probe only once, so a hundred servers that hang are
checked more slowly, each of them, and are taken down. The operator is told when turns take longer than a timeout.

Doubt of oneself. A server that was late may have been on time, and we too slow to see it; one that hung up may have
waited for us: an overloaded checker that believes its own timers ejects healthy servers. So the runner measures by how
much the event loop came late (StallMeter), and a check that failed while the loop lost more than a quarter of its
timeout, or LOST_SECONDS, was not run. That is an episode of shortage for the core (core/shortage.py).
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict

Check = Callable[[CheckSpec, float], Awaitable[Verdict]]

METHODS = {
    ("connect", ""): "connect",
    ("ping", ""): "ping",
    ("external", ""): "external",
    ("negotiate", "submission"): "smtp",
    ("negotiate", "pops"): "pop",
    ("negotiate", "imaps"): "imap",
    ("negotiate", "ldaps"): "ldap",
} | {
    ("negotiate", name): name
    for name in (
        *("dns", "ftp", "http", "https", "http_proxy", "imap", "ldap", "mysql", "nntp", "oracle", "pgsql", "pop"),
        *("radius", "simpletcp", "sip", "smtp"),
    )
}
"""(method, service) of a CheckSpec -> the module of this package that makes the probe."""


@functools.cache
def probe_of(method: str, service: str) -> Check:
    """The probe of a method and service; its module is imported when it is first wanted, with its libraries."""
    check: Check = importlib.import_module(f"ldirector.checks.{METHODS[method, service]}").check
    return check


SOCKET_SLOTS = 4000
COMMAND_SLOTS = 32

STALL_SHARE = 0.25  # of a check's timeout
LOST_SECONDS = 1.0  # however long the timeout
STALL_TICK = 0.1  # seconds; a stall shorter than this is too short to matter


@dataclass(slots=True)
class _Lane:
    """Slots of one kind, and who waits for one: check id -> (spec, when it was asked for). setting: names the limit."""

    setting: str
    slots: int
    is_behind: bool = False
    running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    waiting: dict[int, tuple[CheckSpec, float]] = field(default_factory=dict)


class Runner:
    """finished(check_id, verdict) is called once for every check that was started and not cancelled."""

    def __init__(
        self,
        finished: Callable[[int, Verdict], None],
        log_error: Callable[[str], None],
        socket_slots: int = SOCKET_SLOTS,
        command_slots: int = COMMAND_SLOTS,
    ) -> None:
        self._finished = finished
        self._log_error = log_error
        self._lanes = {
            "sockets": _Lane("checks_in_flight", socket_slots),
            "commands": _Lane("commands_in_flight", command_slots),
        }
        self._stall = StallMeter()

    def limit(self, socket_slots: int, command_slots: int) -> None:
        """So many checks and external commands may run at the same time; those that run are left to end."""
        self._lanes["sockets"].slots, self._lanes["commands"].slots = socket_slots, command_slots

    def start(self, check_id: int, spec: CheckSpec) -> None:
        """Run the probe now, or as soon as there is a slot."""
        lane = self._lane(spec)
        if len(lane.running) < lane.slots:
            self._launch(lane, check_id, spec)
        else:
            lane.waiting[check_id] = (spec, asyncio.get_running_loop().time())

    def cancel(self, check_id: int) -> None:
        """Forget the check; nothing is reported for it. Unknown ids are those that just ended."""
        for lane in self._lanes.values():
            lane.waiting.pop(check_id, None)
            task = lane.running.get(check_id)
            if task:
                task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait until it has let go of its sockets and processes."""
        tasks: list[asyncio.Task[None]] = []
        for lane in self._lanes.values():
            lane.waiting.clear()
            tasks += lane.running.values()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stall.stop()

    def _lane(self, spec: CheckSpec) -> _Lane:
        return self._lanes["commands" if spec.method == "external" else "sockets"]

    def _launch(self, lane: _Lane, check_id: int, spec: CheckSpec) -> None:
        self._stall.start()
        task = asyncio.create_task(self._run(check_id, spec))
        lane.running[check_id] = task
        task.add_done_callback(lambda _: self._free(lane, check_id))

    def _free(self, lane: _Lane, check_id: int) -> None:
        """A slot is free: give it to the next that still wants it."""
        del lane.running[check_id]
        now = asyncio.get_running_loop().time()
        while lane.waiting and len(lane.running) < lane.slots:
            next_id = next(iter(lane.waiting))
            spec, asked = lane.waiting.pop(next_id)
            self._launch(lane, next_id, spec)
            if now - asked > spec.timeout and not lane.is_behind:
                lane.is_behind = True
                self._log_error(
                    f"checks wait {now - asked:.1f} s for their turn, as servers hang and {lane.slots} are at work: "
                    f"{lane.setting} in ldirector.yaml allows more at the same time"
                )
        lane.is_behind &= bool(lane.waiting)
        if not any(lane.running for lane in self._lanes.values()):
            self._stall.stop()

    async def _run(self, check_id: int, spec: CheckSpec) -> None:
        loop = asyncio.get_running_loop()
        started, lost = loop.time(), self._stall.lost
        try:
            verdict = await probe_of(spec.method, spec.service)(spec, started + spec.timeout)
        except MemoryError:
            verdict = Verdict(Outcome.NOT_RUN, Reason.NO_MEMORY)
        except Exception:
            # Ours, whatever the server did: it must not cost the server its place, nor others their checks.
            self._log_error(f"a check failed by an error of this program, for {spec}:\n{traceback.format_exc()}")
            verdict = Verdict(Outcome.NOT_RUN, Reason.INTERNAL)
        lost = self._stall.measured(loop.time()) - lost
        if verdict.outcome is Outcome.FAIL and lost > min(STALL_SHARE * spec.timeout, LOST_SECONDS):
            words = f"{verdict.reason.value}, but this machine lost {lost:.1f} s meanwhile"
            verdict = Verdict(Outcome.NOT_RUN, Reason.OVERLOADED, words)
        took = loop.time() - started
        self._finished(check_id, Verdict(verdict.outcome, verdict.reason, verdict.detail, took))


class StallMeter:
    """Adds up by how much the event loop came late to a timer that ticks while checks run."""

    def __init__(self) -> None:
        self.lost = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STALL_TICK, self._tick)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def measured(self, now: float) -> float:
        """Seconds lost so far, including a tick that is overdue right now."""
        overdue = now - self._timer.when() if self._timer else 0.0
        return self.lost + max(0.0, overdue)

    def _tick(self) -> None:
        assert self._timer
        loop = asyncio.get_running_loop()
        self.lost += max(0.0, loop.time() - self._timer.when())
        self._timer = loop.call_later(STALL_TICK, self._tick)
