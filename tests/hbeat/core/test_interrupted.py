"""Every plan interrupted after each of its steps: one owner in the end, groups whole, nothing left elsewhere.

Two nodes serve one group each. A plan is begun, one resource action after the other ends, and after the k-th something
else happens; then everything that is off comes back and the pair is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hbeat.core.events import Action, Effect
from hbeat.core.model import Failback, Held, Resource, ResourceGroup
from tests.hbeat.machine import DIRECTOR, INSIDE, VIP
from tests.hbeat.world import World

OTHER_VIP = Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",))
DATABASE = Resource("database", "database")
GROUPS = (ResourceGroup("a", (DIRECTOR, VIP, INSIDE)), ResourceGroup("b", (OTHER_VIP, DATABASE)))

Step = Callable[[World], None]


def on(world: World, name: str, request: Callable[..., list[Effect]]) -> None:
    if world.machines[name].cluster is not None:
        world.do(name, request)


def boot_the_missing(world: World) -> None:
    for machine in world.machines.values():
        if machine.cluster is None:
            world.boot(machine.name)


def new_haresources(world: World) -> None:
    """The database moves into the first line."""
    world.groups = (
        replace(GROUPS[0], resources=(*GROUPS[0].resources, DATABASE)),
        replace(GROUPS[1], resources=(OTHER_VIP,)),
    )
    for name in "ab":
        if world.machines[name].cluster is not None:
            cluster = world.node(name)
            settings = replace(cluster.settings, groups=world.groups)
            world.perform(name, cluster.reload(settings, cluster.outbox.keys, world.now))


def failing_start(world: World) -> None:
    """The first node's group does not start any more, and it is told to start it."""
    world.fails.add(("a", INSIDE.text, Action.START))
    on(world, "a", lambda c: c.group_by_hand(DIRECTOR.text, True, world.now))


def return_of_a(world: World) -> None:
    world.boot("a")


PLANS: dict[str, Step] = {
    "death": lambda world: world.power_off("a"),
    "stop": lambda world: on(world, "a", lambda c: c.shutdown(world.now)),
    "hb_standby": lambda world: on(world, "a", lambda c: c.give(Held.ALL, world.now)),
    "hb_takeover": lambda world: on(world, "b", lambda c: c.ask_takeover("all", world.now)),
    "reload": new_haresources,
    "failing start": failing_start,
}
"""What begins on a pair that serves."""

INTERRUPTIONS: dict[str, Step] = {
    **{f"death of {n}": lambda world, n=n: world.power_off(n) for n in "ab"},  # type: ignore[misc]
    **{f"crash of {n}": lambda world, n=n: world.crash(n) for n in "ab"},  # type: ignore[misc]
    **{f"stop of {n}": lambda world, n=n: on(world, n, lambda c: c.shutdown(world.now)) for n in "ab"},  # type: ignore[misc]
    **{
        f"standby of {n}": lambda world, n=n: on(world, n, lambda c: c.give(Held.ALL, world.now))  # type: ignore[misc]
        for n in "ab"
    },
    **{
        f"takeover by {n}": lambda world, n=n: on(world, n, lambda c: c.ask_takeover("all", world.now))  # type: ignore[misc]
        for n in "ab"
    },
    "reload": new_haresources,
}


def pair(failback: Failback = Failback.ON) -> World:
    world = World(groups=GROUPS, failback=failback)
    world.duration = lambda resource, action: 0.2
    return world


def check_in_the_end(world: World, what: str) -> None:
    """Everybody is back; each resource has one owner, and it is the one of its group's first resource."""
    world.run_for(4)  # a node that was told to stop has time to end
    world.fails.clear()
    boot_the_missing(world)

    def served() -> bool:
        return world.settled() and all(len(world.owners(r)) == 1 for g in world.groups for r in g.resources)

    def story() -> str:
        held = {name: machine.running for name, machine in world.machines.items()}
        return "\n".join([*world.transcript[-60:], str(held), str([world.node(n).ownership.status for n in "ab"])])

    assert world.run_until(served, 120), f"{what}: no rest\n{story()}"
    world.run_for(15)
    assert served(), f"{what}: no lasting rest\n{story()}"
    for group in world.groups:
        assert len({world.owners(resource) for resource in group.resources}) == 1, f"{what}: torn apart\n{story()}"


def two_owners_of_an_address(world: World) -> bool:
    """Both of two connected, living daemons hold it; what a killed daemon left behind is removed at its next start."""
    if any(m.cluster is None for m in world.machines.values()):
        return False
    return any(len(world.owners(address)) > 1 for address in (VIP, OTHER_VIP))


def play(world: World, begin: Step, interrupt: Step, step: int, what: str) -> bool:
    """False when the plan had fewer steps."""
    begin(world)
    before = world.actions
    if not world.run_until(lambda: world.actions - before >= step, 8):
        return False
    crashed = interrupt in (INTERRUPTIONS["crash of a"], INTERRUPTIONS["crash of b"])
    interrupt(world)
    for _ in range(60):
        world.run_for(0.1)
        assert crashed or not two_owners_of_an_address(world), f"{what}: two owners\n" + "\n".join(world.transcript)
    check_in_the_end(world, what)
    return True


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("plan", PLANS)
def test_plan_on_a_serving_pair_interrupted_after_each_step(plan: str, interruption: str) -> None:
    for step in range(40):
        what = f"{plan}, after step {step}: {interruption}"
        if not play(pair().both_up(), PLANS[plan], INTERRUPTIONS[interruption], step, what):
            assert step > 0
            return
    raise AssertionError(f"{plan} has no end")


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("order", ["ab", "ba", "a and b"])
@pytest.mark.parametrize("failback", [Failback.ON, Failback.OFF])
def test_initial_acquisition_interrupted_after_each_step(order: str, interruption: str, failback: Failback) -> None:
    def begin(world: World) -> None:
        world.boot(order[0])
        if " " not in order:
            world.run_for(5)
        world.boot(order[-1])

    for step in range(0, 12, 2):
        what = f"start {order}, after step {step}: {interruption}"
        world = pair(failback)
        begin(world)
        if not world.run_until(lambda world=world, step=step: world.actions >= step, 20):  # type: ignore[misc]
            return
        INTERRUPTIONS[interruption](world)
        world.run_for(8)
        check_in_the_end(world, what)


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_failback_interrupted_after_each_step(interruption: str) -> None:
    for step in range(16):
        world = pair().both_up()
        world.power_off("a")
        world.run_for(10)
        what = f"failback, after step {step}: {interruption}"
        if not play(world, return_of_a, INTERRUPTIONS[interruption], step, what):
            return
    raise AssertionError("failback has no end")
