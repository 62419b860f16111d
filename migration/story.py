"""The rehearsal itself: builds the lab, plays the steps, and judges each by what is seen from outside.

A step is one event and the state that must follow it. The event's time is taken, then kernel and client are observed
until everything that must be true is true, or a bound passes; nothing waits for a fixed time. What must be true: each
virtual address on the one node that should have it, that node's IPVS table exactly as the configuration says, no table
for it on the other node, and the client served without a failure for a second.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from hbeat.core.model import Failback
from migration import logs
from migration.client import Outcome
from migration.cluster_files import ClusterFiles
from migration.expected import expected_tables, is_judged, without
from migration.lab import SETTLED, Lab, longest_gap
from migration.nodes import Node
from migration.report import Report, StepResult
from migration.topology import Topology

LOOK_INTERVAL = 0.05
STARTING_GRACE = 5.0
"""Seconds after its start for which a node asks to be given 2 s more than deadtime (reference section 4.1)."""
BOOT_BOUND = 40.0
"""Seconds for programs to start, on a slow guest."""
LOG_LINES_SHOWN = 15

STEPS = ("real-down", "real-up", "power-off", "return", "stop", "start-again")
_UNDONE_BY = {"real-down": "real-up", "power-off": "return", "stop": "start-again"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play: steps out of STEPS, how many times over."""

    steps: tuple[str, ...] = STEPS
    repeat: int = 1


def rehearse(files: ClusterFiles, topology: Topology, plan: Plan, folder: Path, report: Report) -> None:
    """Build the lab below `folder`, play the plan, take everything down again."""
    lab = Lab(files, topology, folder, report)
    try:
        _Story(lab, files, topology, report).play(plan)
    finally:
        lab.close()


class _Story:
    """Plays steps. It knows which node should hold what after each."""

    def __init__(self, lab: Lab, files: ClusterFiles, topology: Topology, report: Report) -> None:
        self._lab = lab
        self._report = report
        self._topology = topology
        self._failback = files.nodes[0].ha.auto_failback is Failback.ON
        self._timing = files.nodes[0].ha.timing
        self._target = topology.target
        self._virtuals = [virtual for director in files.directors for virtual in director.virtuals]
        self._holder = {vip.address: vip.owner for vip in topology.vips}
        self._down_real: str | None = None
        self._lost: str | None = None
        self._undo: str | None = None
        self._failed_scripts: list[str] = []
        self._right_since: float | None = None
        self._started = 0.0

    def play(self, plan: Plan) -> None:
        self._report.heading("start")
        if not self._judge("start", "both nodes boot and run heartbeat start", self._start, self._start_bound()):
            self._show_logs()
            return
        for step in plan.steps * plan.repeat:
            if self._undo and step != self._undo and not self._play_step(self._undo):
                return
            if not self._undo and step in _UNDONE_BY.values():
                continue
            if not self._play_step(step):
                return

    def _play_step(self, step: str) -> bool:
        victim = self._holder[IPv4Address(self._target.key.address)]
        real = self._target.reals[0].key
        plays: dict[str, tuple[str, Callable[[], float], float]] = {
            "real-down": (f"the server on {real.address} stops", self._real_down, self._check_bound()),
            "real-up": (f"the server on {real.address} runs again", self._real_up, self._check_bound()),
            "power-off": (f"{victim} loses power", self._power_off, self._timing.deadtime + BOOT_BOUND),
            "return": (f"{self._lost} boots and runs heartbeat start", self._return, self._start_bound()),
            "stop": (f"heartbeat stop on {victim}", self._stop, BOOT_BOUND),
            "start-again": (f"heartbeat start on {self._lost}", self._start_again, self._start_bound()),
        }
        what, event, bound = plays[step]
        self._report.heading(f"{step}: {what}")
        self._undo = _UNDONE_BY.get(step)
        passed = self._judge(step, what, event, bound)
        if not passed:
            self._show_logs()
        return passed

    def _judge(self, step: str, what: str, event: Callable[[], float], bound: float) -> bool:
        """Play the event, observe until all is as it must be, report. False: it was not, within the bound."""
        before = dict(self._holder)
        self._lab.new_step()
        self._right_since = None
        began = event()
        deadline = began + bound
        unmet = self._unmet()
        while unmet and not self._failed_scripts and time.monotonic() < deadline:
            self._lab.observe(LOOK_INTERVAL)
            unmet = self._unmet()
        result = self._result(step, what, began, before)
        result.unmet = (*self._failed_scripts, *unmet)
        self._report.step(result)
        holder = self._holder[IPv4Address(self._target.key.address)]
        if holder in result.tables:
            self._report.block(f"{holder}# ipvsadm -Ln\n{result.tables[holder]}")
        return result.passed

    def _unmet(self) -> list[str]:
        """What must be true and is not. The client is asked to go on only once the nodes are right."""
        lab, unmet = self._lab, []
        for vip, holder in self._holder.items():
            if not lab.has(holder, vip):
                unmet.append(f"{vip} is not on {holder}")
            if lab.has(lab.other(holder).name, vip):
                unmet.append(f"{vip} is on {lab.other(holder).name}")
        holder = self._holder[IPv4Address(self._target.key.address)]
        wanted, found = self._wanted_table(), lab.table_of(holder)
        if found != wanted:
            unmet.append(f"the table of {holder} should have {wanted} and has {found}")
        elsewhere = lab.table_of(lab.other(holder).name)
        if elsewhere:
            unmet.append(f"{lab.other(holder).name} has a table, too: {elsewhere}")
        if unmet:
            self._right_since = None
            return unmet
        lab.start_client()
        self._right_since = self._right_since or time.monotonic()
        if lab.client_is_served(self._right_since):
            return self._wrong_tables()
        return [f"the client should be served for {SETTLED:g} s without a failure"]

    def _wrong_tables(self) -> list[str]:
        """All virtuals, to the letter, as `ipvsadm -Sn` has them on each node. It starts a program: asked last."""
        otherwise = self._holder[IPv4Address(self._target.key.address)]
        expected = expected_tables(self._virtuals, self._holder, otherwise, self._down_real)
        unjudged = [virtual for virtual in self._virtuals if not is_judged(virtual)]
        wrong = []
        for name, node in self._lab.nodes.items():
            if node.observer is None:
                continue
            found = without(node.observer.saved(), unjudged)
            if sorted(found) != sorted(expected.get(name, [])):
                wrong.append(f"ipvsadm -Sn on {name} should be {expected.get(name, [])} and is {found}")
        return wrong

    def _wanted_table(self) -> dict[str, int]:
        """The target's reals as ldirectord.cf and the state of the servers tell them."""
        table = {}
        for real in self._target.reals:
            if real.key.address != self._down_real:
                table[f"{real.key.address}:{real.key.port}"] = real.weight
            elif self._target.quiescent:
                table[f"{real.key.address}:{real.key.port}"] = 0
        return table

    def _result(self, step: str, what: str, began: float, before: Mapping[IPv4Address, str]) -> StepResult:
        now = time.monotonic()
        result = StepResult(step, what, self._report.since_start(began), lasted=now - began)
        mine = [request for request in self._lab.requests if request.ended >= began]
        failures = Counter(request.outcome.name.lower() for request in mine if request.outcome is not Outcome.GOOD)
        result.requests, result.failed, result.failures = len(mine), failures.total(), dict(failures)
        result.slowest = max((r.ended - r.begun for r in mine if r.outcome is Outcome.GOOD), default=0.0)
        if step != "start":
            result.outage = longest_gap(self._lab.requests, began, now)
        for vip, holder in self._holder.items():
            appeared = self._lab.appeared.get((vip, holder))
            if appeared is not None and appeared >= began and (step == "start" or before[vip] != holder):
                result.moved[str(vip)] = appeared - began
        for node in self._lab.nodes.values():
            if node.observer:
                result.tables[node.name] = node.observer.ipvsadm()
        return result

    # ---- the events; each returns its monotonic time

    def _start(self) -> float:
        began = time.monotonic()
        for node in self._lab.nodes.values():
            node.boot()
            self._report.event(node.name, "boots")
        self._run_scripts("start", list(self._lab.nodes.values()))
        return began

    def _real_down(self) -> float:
        self._down_real = self._target.reals[0].key.address
        began = time.monotonic()
        self._lab.reals.stop(self._down_real)
        self._report.event("real", f"{self._down_real} refuses connections", began)
        return began

    def _real_up(self) -> float:
        assert self._down_real is not None
        began = time.monotonic()
        self._lab.reals.start(self._down_real)
        self._report.event("real", f"{self._down_real} serves again", began)
        self._down_real = None
        return began

    def _power_off(self) -> float:
        victim = self._victim()
        self._wait_for_end_of_grace()
        began = victim.power_off()
        self._report.event(victim.name, "power off: links dead, processes killed", began)
        self._lose(victim.name)
        return began

    def _return(self) -> float:
        assert self._lost is not None
        node = self._lab.nodes[self._lost]
        began = time.monotonic()
        node.boot()
        self._report.event(node.name, "boots")
        self._run_scripts("start", [node])
        self._regain(node.name)
        return began

    def _stop(self) -> float:
        victim = self._victim()
        began = time.monotonic()
        self._lose(victim.name)
        self._run_scripts("stop", [victim])
        return began

    def _start_again(self) -> float:
        assert self._lost is not None
        began = time.monotonic()
        self._run_scripts("start", [self._lab.nodes[self._lost]])
        self._regain(self._lost)
        return began

    def _run_scripts(self, verb: str, nodes: Sequence[Node]) -> None:
        """`initscripts/heartbeat VERB` on these nodes at once, observing until all are done."""
        running: dict[Node, subprocess.Popen[str]] = {}
        for node in nodes:
            self._report.event(node.name, f"heartbeat {verb}")
            running[node] = node.start_script(verb)
        deadline = time.monotonic() + BOOT_BOUND
        while running and time.monotonic() < deadline:
            self._lab.observe(LOOK_INTERVAL)
            for node, script in list(running.items()):
                if script.poll() is not None:
                    del running[node]
                    words = " / ".join(script.stdout.read().split("\n")).strip(" /") if script.stdout else ""
                    script.communicate()
                    self._report.event(node.name, f"heartbeat {verb}: exit status {script.returncode}: {words}")
                    if script.returncode != 0:
                        self._failed_scripts.append(f"heartbeat {verb} on {node.name} should exit with 0")
        if verb == "start":
            self._started = time.monotonic()
        for node, script in running.items():
            script.kill()
            script.communicate()
            self._failed_scripts.append(f"heartbeat {verb} on {node.name} should end within {BOOT_BOUND:g} s")

    # ---- who should hold what

    def _victim(self) -> Node:
        return self._lab.nodes[self._holder[IPv4Address(self._target.key.address)]]

    def _lose(self, name: str) -> None:
        """A node is gone: the other one holds everything."""
        self._lost = name
        self._holder = dict.fromkeys(self._holder, self._lab.other(name).name)

    def _wait_for_end_of_grace(self) -> None:
        """A power cut right after a start would measure the grace, not the deadtime."""
        deadline = self._started + STARTING_GRACE
        if time.monotonic() < deadline:
            self._report.event("rehearsal", "waits until all nodes have been up for 5 s: then deadtime holds as it is")
        while time.monotonic() < deadline:
            self._lab.observe(LOOK_INTERVAL)

    def _regain(self, name: str) -> None:
        """A node is back: with auto_failback it gets its own back."""
        self._lost = None
        if self._failback:
            for vip in self._topology.vips:
                if vip.owner == name:
                    self._holder[vip.address] = name

    def _start_bound(self) -> float:
        """Seconds within which started nodes must have settled who holds what."""
        return BOOT_BOUND + self._timing.initdead + self._timing.deadtime

    def _check_bound(self) -> float:
        """Seconds within which a change of a real server must have been noticed."""
        target = self._target
        return target.failurecount * (target.checkinterval + target.negotiatetimeout) + BOOT_BOUND / 2

    def _show_logs(self) -> None:
        """The end of what the nodes wrote; for a human, nothing is judged by it."""
        for node in self._lab.nodes.values():
            for name, lines in logs.last_lines(node.folder, LOG_LINES_SHOWN):
                self._report.heading(f"{node.name}: {name}, last lines")
                self._report.block("\n".join(lines))
