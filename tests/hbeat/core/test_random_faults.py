"""Histories of random faults and orders: one owner at most, and in the end exactly one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from hbeat.core.model import Failback, Held, Safety, Timing
from tests.hbeat.core.test_custody import FAST, GUARDED, SLOW, story
from tests.hbeat.core.test_unheard import CLASSIC, DISK, WEB
from tests.hbeat.machine import DIRECTOR, LINKS, SEED_GROUP
from tests.hbeat.world import World

KINDS = ["sleep", "sleep both", "kill", "boot", "cut", "cut one", "heal", "power-off", "stop", "loss", "pull", "plug"]
KINDS += ["standby", "takeover", "cut"]


def random_fault(world: World, random: Random) -> None:
    name = random.choice("ab")
    machine = world.machines[name]
    kind = random.choice(KINDS)
    match kind:
        case "sleep" if machine.cluster is not None:
            world.stall(random.uniform(0.1, 8.0), name)
        case "sleep both":
            world.stall(random.uniform(0.1, 8.0), "a", "b")
        case "kill":
            world.crash(name)
        case "boot" if machine.cluster is None:
            world.boot(name)
        case "cut":
            world.partition()
        case "cut one":
            world.partition(name)
        case "heal":
            world.heal()
        case "power-off":
            world.power_off(name)
        case "stop" if machine.cluster is not None and world.now >= machine.stalled_until:
            world.do(name, lambda cluster: cluster.shutdown(world.now))
        case "standby" if machine.cluster is not None and world.now >= machine.stalled_until:
            world.do(name, lambda cluster: cluster.give(Held.ALL, world.now))
        case "takeover" if machine.cluster is not None and world.now >= machine.stalled_until:
            world.do(name, lambda cluster: cluster.ask_takeover("all", world.now))
        case "pull":
            world.pull(name, *random.sample(LINKS, random.choice([1, 2])))
        case "plug":
            world.pull(name)
        case "loss":
            world.loss = random.choice([0.0, 0.3])
    world.say(name, f"*** {kind}")


def play(seed: int, safety: Safety, timing: Timing) -> World:
    random = Random(seed)
    failback, groups = random.choice(list(Failback)), random.choice([[SEED_GROUP], [CLASSIC]])
    world = World(timing, failback, groups, safety=safety, seed=seed)
    world.both_up()
    slow = random.choice([0.01, 0.3, 2.0])
    world.duration = lambda resource, action: slow if resource in (DIRECTOR, DISK, WEB) else 0.01
    for _ in range(8):
        random_fault(world, random)
        world.run_for(random.uniform(0.05, 6.0))
    world.heal()
    world.loss = 0.0
    for name in world.machines:
        world.pull(name)
    world.run_for(20)  # who was told to stop may have slept, and stops slowly
    for machine in world.machines.values():
        if machine.cluster is None:
            world.boot(machine.name)
    return world


@pytest.mark.parametrize("keeper", [True, False], ids=["keeper", "lease alone"])
@pytest.mark.parametrize("seed", range(60))
def test_random_faults_never_make_two_owners(seed: int, keeper: bool) -> None:
    world = play(seed, replace(GUARDED, keeper=keeper), FAST if seed % 2 else SLOW)
    assert world.seconds_of_two_owners() == 0, story(world)
    assert world.run_until(lambda: world.settled() and len(world.owners()) == 1, 90), story(world)
    world.run_for(20)
    assert len(world.owners()) == 1, story(world)
    assert world.seconds_of_two_owners() == 0, story(world)


def test_the_same_random_faults_make_two_owners_without_the_safety() -> None:
    unsafe = Safety(vip_lease=None, keeper=False, arp_guard=False, stall_rule=False)
    worlds = [play(seed, unsafe, FAST if seed % 2 else SLOW) for seed in range(20)]
    assert sum(world.seconds_of_two_owners() > 0 for world in worlds) > 5
