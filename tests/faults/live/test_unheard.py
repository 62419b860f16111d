"""Both nodes live and do not hear each other while groups move: judged by I1 alone, nobody can know who is to serve."""

from __future__ import annotations

import time

import pytest

from tests.faults.checker import Bounds, Violation, check
from tests.faults.drawing import draw
from tests.faults.live import network
from tests.faults.live.world import ONE, TWO, World
from tests.faults.timeline import Kind
from tests.system.pair import NAMES, VIP
from tests.system.test_changes import UNSAFE

SLOW = """#!/bin/sh
on=/var/run/$(basename $0).on
case $1 in
start) sleep {start}; touch $on;;
stop) sleep 1; rm -f $on;;
status) [ -e $on ] && echo running || echo stopped;;
esac
exit 0
"""
LONG_ENOUGH, WATCHED = 20.0, 1.0


def two(world: World, began: float) -> tuple[list[Violation], str]:
    """What I1 says of the time since then, and a drawing of it."""
    timeline = world.timeline().since(began)
    found = [violation for violation in check(timeline, Bounds(None)) if violation.invariant == "I1"]
    return found, draw(timeline, found)


def never_two(world: World, began: float) -> None:
    found, drawing = two(world, began)
    assert found == [], drawing


@pytest.mark.parametrize("after", [0.5, 1.2, 3.0])
def test_heartbeats_are_cut_in_the_middle_of_a_standby(world: World, after: float) -> None:
    """A script that starts slowly stands before the address in haresources, and one behind it."""
    for name in NAMES:
        world.write(name, "resource.d/mounted", SLOW.format(start=1), mode=0o755)
        world.write(name, "resource.d/webserver", SLOW.format(start=3), mode=0o755)
        world.write(name, "haresources", f"{ONE} mounted IPaddr::{VIP}/24/eth0 webserver\n")
        world.start(name)
    world.until(lambda: world.owners() == [ONE] and world.calm(), 30)
    began = time.monotonic()
    world.mark(Kind.ORDER, f"hb_standby on {ONE}")
    assert world.ask(ONE, "standby all").get("ok")
    time.sleep(after)
    world.mark(Kind.FAULT, "heartbeats cut")
    network.lose_heartbeats(world)
    time.sleep(LONG_ENOUGH)
    never_two(world, began)
    assert len(world.owners()) == 1


def start_unheard(world: World) -> float:
    began = time.monotonic()
    world.mark(Kind.FAULT, "heartbeats cut")
    network.lose_heartbeats(world)
    for name in NAMES:
        world.start(name)
    return began


def test_heartbeats_are_filtered_from_the_first_day(world: World) -> None:
    began = start_unheard(world)
    time.sleep(LONG_ENOUGH)
    never_two(world, began)
    assert len(world.owners()) == 1


def test_the_same_without_the_safety_is_seen(world: World) -> None:
    for name in NAMES:
        world.write(name, "hbeat.yaml", UNSAFE)
    began = start_unheard(world)
    world.until(lambda: len(world.owners()) == len(NAMES), LONG_ENOUGH)
    time.sleep(WATCHED)
    found, drawing = two(world, began)
    assert any(f"{VIP} is on {ONE} and {TWO} for" in violation.what for violation in found), drawing
