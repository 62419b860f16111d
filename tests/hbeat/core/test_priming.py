"""Make before break, in virtual time: who serves with which table while groups change hands."""

from __future__ import annotations

from dataclasses import replace

from hbeat.core.events import Action
from hbeat.core.handover import HASTE, PRIME_WAIT
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Safety, Sessions, Timing
from hbeat.core.ownership import Ownership
from hbeat.core.standby import ANSWER_WAIT
from hbeat.core.takeover import Job, JobDone, JobKind
from tests.hbeat.machine import DIRECTOR, INSIDE, SEED_GROUP, VIP
from tests.hbeat.world import World

PATIENT = Timing(keepalive=1.0, warntime=15, deadtime=30.0, initdead=60.0, deadping=30.0)
OTHER_VIP = Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",))


def slow_director(seconds: float, world: World) -> World:
    world.duration = lambda resource, action: seconds if resource == DIRECTOR else 0.01
    return world


def lines(world: World, since: int) -> list[str]:
    """Who started and stopped what, without the time."""
    words = [line.split() for line in world.transcript[since:]]
    return [" ".join(w[-3:]) for w in words if len(w) >= 3 and w[-2] in ("start", "stop")]


def seconds_without(world: World, since: float) -> float:
    """How long nobody had the address."""
    ends = [at for at, _ in world.owner_log[1:]] + [world.now]
    spans = zip(world.owner_log, ends, strict=True)
    return sum(end - max(at, since) for (at, owners), end in spans if not owners and end > since)


def test_the_taker_has_its_table_before_the_giver_stops_anything() -> None:
    world = World().both_up()
    since = len(world.transcript)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(5)
    assert lines(world, since) == [
        f"b start {DIRECTOR.text}",
        f"a stop {INSIDE.text}",
        f"a stop {VIP.text}",
        f"a stop {DIRECTOR.text}",
        f"b start {VIP.text}",
        f"b start {INSIDE.text}",
    ]
    assert world.settled()


def test_nobody_waits_for_a_director_that_takes_its_time_to_leave_its_table() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 3.0 if (resource, action) == (DIRECTOR, Action.STOP) else 0.01
    began = world.now
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(10)
    assert world.owners() == {"b"}
    assert seconds_without(world, began) < 0.1
    world.do("b", lambda c: c.shutdown(world.now))
    world.run_for(0.1)
    assert world.owners() == {"a"}
    assert seconds_without(world, began) < 0.2


def test_the_table_is_written_while_a_node_that_stops_still_releases_its_addresses() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 0.5
    began = world.now
    world.do("a", lambda c: c.shutdown(world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 5)
    # two addresses are released, and one comes
    assert world.now - began < 1.6


def test_the_giver_serves_until_a_slow_director_has_its_table() -> None:
    world = slow_director(5.0, World().both_up())
    began = world.now
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 20)
    assert seconds_without(world, began) < 0.1


def test_an_offer_is_answered_in_the_end_when_a_director_does_not_get_there() -> None:
    world = slow_director(15.0, World().both_up())
    began = world.now
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: not world.owners(), 20)
    assert PRIME_WAIT <= world.now - began < PRIME_WAIT + 0.2 < ANSWER_WAIT
    assert world.run_until(lambda: world.owners() == {"b"}, 30)


def test_a_director_that_is_not_kept_warm_starts_and_stops_with_its_group() -> None:
    world = World(sessions=Sessions(warm_standby=False)).both_up()
    assert DIRECTOR.text not in world.machines["b"].running
    since = len(world.transcript)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(5)
    assert lines(world, since) == [
        *(f"a stop {resource.text}" for resource in (INSIDE, VIP, DIRECTOR)),
        *(f"b start {resource.text}" for resource in (DIRECTOR, VIP, INSIDE)),
    ]
    assert DIRECTOR.text not in world.machines["a"].running
    world.crash("b")
    world.run_for(20)
    since = len(world.transcript)
    world.boot("b")
    world.run_for(5)
    assert f"b stop {DIRECTOR.text}" in lines(world, since)  # an earlier life may have left it


def test_a_director_that_does_not_start_leaves_the_offer_to_be_answered_and_the_group_goes_back() -> None:
    world = World().both_up()
    world.fails = {("b", DIRECTOR.text, Action.START)}
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(30)
    assert world.owners() == {"a"}
    assert world.settled()


def test_a_director_that_was_told_to_serve_in_vain_stands_by_again() -> None:
    world = World(timing=PATIENT).both_up()
    world.cut = {("a", "eth0"), ("a", "eth1")}  # the answer does not arrive, and the giver thinks better of it
    since = len(world.transcript)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(15)
    assert lines(world, since) == [f"b start {DIRECTOR.text}", f"b stop {DIRECTOR.text}"]
    assert world.owners() == {"a"}
    world.heal()
    world.run_for(5)
    assert world.settled()


def test_nothing_is_under_way_once_a_handover_there_and_back_is_over() -> None:
    world = World().both_up()
    since = len(world.transcript)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(0.5)
    assert world.owners() == {"b"}
    world.do("a", lambda c: c.ask_takeover("local", world.now))
    world.run_for(5)
    assert world.owners() == {"a"}
    assert lines(world, since).count(f"b stop {DIRECTOR.text}") == 1
    assert world.settled()


def test_a_director_that_serves_another_group_here_goes_on_when_one_is_given() -> None:
    groups = (ResourceGroup("a", (DIRECTOR, VIP)), ResourceGroup("b", (DIRECTOR, OTHER_VIP)))
    world = World(groups=groups).both_up()
    world.do("b", lambda c: c.ask_takeover("all", world.now))
    world.run_for(10)
    assert world.owners(VIP) == world.owners(OTHER_VIP) == {"b"}
    world.do("b", lambda c: c.give(Held.FOREIGN, world.now))
    world.run_for(10)
    assert world.owners(VIP) == {"a"}
    assert world.owners(OTHER_VIP) == {"b"}
    assert DIRECTOR.text in world.machines["a"].running
    assert DIRECTOR.text in world.machines["b"].running


def test_a_pulled_cable_costs_no_table_either() -> None:
    world = slow_director(0.015, World().both_up())
    since = len(world.transcript)
    began = world.now
    world.pull("a", "eth0")
    assert world.run_until(lambda: world.owners() == {"b"}, 5)
    assert world.now - began < 0.06
    assert lines(world, since)[0] == f"b start {DIRECTOR.text}"
    assert lines(world, since).count(f"b start {DIRECTOR.text}") == 1


def test_an_offer_of_a_node_that_has_lost_a_cable_is_answered_soon() -> None:
    world = slow_director(5.0, World().both_up())
    began = world.now
    world.pull("a", "eth0")
    assert world.run_until(lambda: VIP.text not in world.machines["a"].running, 20)
    assert HASTE <= world.now - began < HASTE + 0.2
    assert world.run_until(lambda: world.owners() == {"b"}, 20)


def test_what_came_here_while_its_director_was_primed_is_as_any_other() -> None:
    owned = Ownership("b", "a", [SEED_GROUP], Failback.ON)
    priming, primed = owned.handover.priming, Job(JobKind.PRIME, (replace(SEED_GROUP, resources=(DIRECTOR,)),))
    owned.held = Held.ALL
    priming.done(JobDone(primed))
    assert priming.used() == frozenset()


def test_a_director_that_stood_by_again_does_not_serve() -> None:
    owned = Ownership("b", "a", [SEED_GROUP], Failback.ON)
    priming, primed = owned.handover.priming, Job(JobKind.PRIME, (replace(SEED_GROUP, resources=(DIRECTOR,)),))
    priming.done(JobDone(primed))
    assert priming.missing([SEED_GROUP]) == ()
    priming.stood_by([SEED_GROUP])
    assert priming.missing([SEED_GROUP]) == primed.groups


def test_a_director_that_died_after_it_was_told_to_serve_is_started_again() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 1.0 if resource == VIP else 0.01
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(0.1)
    assert DIRECTOR.text in world.machines["b"].running
    since = len(world.transcript)
    world.do("b", lambda c: c.prepared(DIRECTOR, False, world.now))
    world.run_for(10)
    assert f"b start {DIRECTOR.text}" in lines(world, since)


def test_an_offer_waits_for_a_director_that_stands_in_line_behind_other_work() -> None:
    groups = (ResourceGroup("a", (DIRECTOR, VIP)), ResourceGroup("b", (OTHER_VIP,)))
    world = World(groups=groups).both_up()
    world.duration = lambda resource, action: 0.5 if resource == OTHER_VIP else 0.01
    since = len(world.transcript)
    world.do("b", lambda c: c.group_by_hand(groups[1].key, True, world.now))
    world.do("a", lambda c: c.give(Held.LOCAL, world.now))
    world.run_for(5)
    assert lines(world, since)[:3] == [
        f"b start {OTHER_VIP.text}",
        f"b start {DIRECTOR.text}",
        f"a stop {VIP.text}",
    ]


def test_a_director_that_is_being_told_is_not_told_twice() -> None:
    world = slow_director(0.1, World().both_up())
    since = len(world.transcript)
    world.pull("a", "eth0")
    assert world.run_until(lambda: world.owners() == {"b"}, 5)
    assert lines(world, since).count(f"b start {DIRECTOR.text}") == 1


def test_the_table_of_a_silent_node_is_written_before_its_death_is_certain() -> None:
    world = World(safety=Safety()).both_up()
    world.duration = lambda resource, action: 0.5 if resource == DIRECTOR else 0.01
    since = len(world.transcript)
    world.power_off("a")
    died = world.now
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - died < world.timing.deadtime + 0.1
    assert lines(world, since).count(f"b start {DIRECTOR.text}") == 1
    assert DIRECTOR.text in world.machines["b"].running


def test_a_node_that_speaks_again_finds_the_other_director_standing_by() -> None:
    world = World(safety=Safety()).both_up()
    since = len(world.transcript)
    world.stall(2.4, "a")
    world.deaf = True
    world.run_for(2.3)
    assert lines(world, since) == [f"b start {DIRECTOR.text}"]
    world.deaf = False
    world.run_for(5)
    assert f"b stop {DIRECTOR.text}" in lines(world, since)
    assert world.owners() == {"a"}
    assert world.settled()
