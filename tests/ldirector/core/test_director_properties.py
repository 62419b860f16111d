"""The director after any course of events."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ldirector.core import pool
from ldirector.core.director import Director
from ldirector.core.health import State
from ldirector.core.model import (
    Role,
    Service,
    Virtual,
    VirtualKey,
    VirtualState,
)
from ldirector.core.plan import virtual_of
from tests.ldirector.core.machine import FOREIGN, GOOD, NOT_RUN, REFUSED, WEB1, Machine, masq, reloaded
from tests.ldirector.core.strategies import virtuals


@settings(max_examples=60, deadline=None)
@given(virtuals(), virtuals(), st.data())
def test_table_is_what_the_pool_says_after_any_course_of_events(
    first: tuple[Virtual, ...], second: tuple[Virtual, ...], data: st.DataObject
) -> None:
    foreign = {FOREIGN: Service(VirtualState("rr"), {WEB1: masq(1)})}
    machine = Machine(*first, table=foreign)
    current = first
    for _ in range(data.draw(st.integers(0, 12))):
        event = data.draw(st.sampled_from(["tick", "tick", "tick", "report", "report", "report", "reload", "role"]))
        if event == "tick":
            machine.tick()
        elif event == "report" and machine.in_flight:
            address = data.draw(st.sampled_from(sorted(set(machine.in_flight.values()))))
            machine.report(data.draw(st.sampled_from([GOOD, REFUSED, NOT_RUN])), address)
        elif event == "reload":
            current = second if current is first else first
            reloaded(machine, *current)
        elif event == "role":
            role = data.draw(st.sampled_from(list(Role)))
            machine.perform(machine.director.set_role(role, machine.kernel.table(), machine.now))
        assert machine.kernel.table() == {**foreign, **expected_table(machine.director, current)}


def expected_table(director: Director, of: tuple[Virtual, ...]) -> dict[VirtualKey, Service]:
    """What the pool says about the states that the snapshot shows."""
    shown = director.snapshot()
    if shown.role == "standby":
        return {}
    wanted = {}
    for one, status in zip(of, shown.virtuals, strict=True):
        states = {each.key: State(seen.state) for each, seen in zip(one.reals, status.reals, strict=True)}
        wanted[one.key] = pool.wanted(one, states)
    return wanted


@settings(max_examples=40, deadline=None)
@given(virtuals(), st.data())
def test_result_of_a_probe_touches_only_virtuals_of_its_server(of: tuple[Virtual, ...], data: st.DataObject) -> None:
    machine = Machine(*[replace(one, failurecount=1) for one in of])
    machine.tick()
    while machine.in_flight:
        address = data.draw(st.sampled_from(sorted(set(machine.in_flight.values()))))
        machine.report(data.draw(st.sampled_from([GOOD, REFUSED])), address)
        users = {one.key for one in of if any(each.key.address == address for each in one.reals)}
        assert {virtual_of(op) for op in machine.ops} <= users
