"""The two halves of a fault, and what is held against them; the world is a stand-in that says what it is told to."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

from hbeat.core.model import Failback
from migration.comparison.downloads import Download
from migration.comparison.faults import Fault, Half, faults
from migration.comparison.stacks import Keepalived, Originals, Ours
from migration.comparison.world import World

VIP = IPv4Address("10.1.1.10")


class StandIn:
    """two: seconds of two owners. settles: whether the addresses come to where they should be."""

    watch = 12.0
    second = "b"
    homes, refuge, after_repair = {VIP: "a"}, {VIP: "b"}, {VIP: "a"}

    def __init__(self, two: float = 0.0, settles: bool = True) -> None:
        self._two, self._settles = two, settles
        self.downloads: Any = self
        self.open: list[Download] = []
        self.asked: list[Any] = []

    def renew(self) -> None:
        self.asked.append("downloads")

    def observe(self, seconds: float) -> None:
        self.asked.append(seconds)

    def until_served(self, holders: object) -> bool:
        self.asked.append(holders)
        return self._settles

    def is_served(self) -> bool:
        return self._settles

    def failed(self, began: float) -> tuple[int, int]:
        return 100, 3

    def two_owners(self, began: float, ended: float) -> float:
        return self._two

    def outage(self, began: float) -> float:
        return 0.25

    def moved(self, began: float, before: object, after: object) -> float:
        self.asked.append((before, after))
        return 0.5

    def until_downloads_go_on(self, bound: float) -> None:
        pass


def played(fault: Fault, world: StandIn) -> list[Half]:
    return list(fault.play(cast(World, world), Ours()))


def broken(*, repair: bool = True, orderly: bool = False, watched: bool = False) -> Fault:
    mend = (lambda *_: 20.0) if repair else None
    return Fault("cable", lambda *_: 10.0, mend, "cable back", orderly=orderly, watched=watched)


def test_damage_and_repair_have_a_row_each_and_are_waited_for_at_their_ends():
    world = StandIn()
    damage, repair = played(broken(), world)
    assert [(half.row.fault, half.unmet) for half in (damage, repair)] == [("cable", ()), ("cable back", ())]
    assert [asked for asked in world.asked if isinstance(asked, dict)] == [world.refuge, world.after_repair]
    assert (world.homes, world.refuge) in world.asked
    assert (world.refuge, world.after_repair) in world.asked


def test_a_fault_that_nobody_repairs_is_watched_for_a_fixed_time():
    world = StandIn()
    (half,) = played(broken(repair=False, watched=True), world)
    assert half.unmet == ()
    assert world.watch in world.asked
    assert not any(isinstance(asked, dict) for asked in world.asked)


def test_addresses_in_the_wrong_place_are_held_against_it():
    damage, repair = played(broken(), StandIn(settles=False))
    assert damage.unmet == ("cable: the virtual addresses should be on b, and the client served",)
    assert repair.unmet == ("cable back: the virtual addresses should be where they belong, and the client served",)
    (watched,) = played(broken(repair=False, watched=True), StandIn(settles=False))
    assert watched.unmet == ("cable: the virtual addresses should be on one node each, and the client served",)


def test_two_owners_are_held_against_it_beyond_the_instant_of_an_orderly_handover():
    assert [half.unmet for half in played(broken(orderly=True), StandIn(two=0.03))] == [(), ()]
    damage, repair = played(broken(), StandIn(two=0.03))
    assert (damage.unmet, repair.unmet) == (("cable: two nodes had one address for 0.030 s",), ())
    assert [bool(half.unmet) for half in played(broken(orderly=True), StandIn(two=0.06))] == [True, True]


def test_commands_move_everything_home_whatever_failback_does_and_are_played_where_there_are_some():
    world = StandIn()
    world.after_repair = world.refuge
    fault = Fault("hb_standby", lambda *_: 10.0, lambda *_: 20.0, "hb_takeover", orderly=True, by_hand=True)
    played(fault, world)
    assert [asked for asked in world.asked if isinstance(asked, dict)] == [world.refuge, world.homes]
    keepalived = Keepalived(Path("keepalived"), {})
    assert [fault.fits(stack, Failback.OFF) for stack in (Ours(), Originals(None), keepalived)] == [True, True, False]
    assert not fault.fits(Ours(), Failback.LEGACY)
    assert broken().fits(keepalived, Failback.LEGACY)


def test_cables_are_named_by_the_caller_and_come_back():
    assert list(faults({"outside cable": "eth0", "cable bond0": "bond0"})) == [
        *("power-off", "stop", "hb_standby", "outside cable", "cable bond0", "killed", "frozen", "heartbeats cut")
    ]
