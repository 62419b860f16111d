"""Two clusters in virtual time whose kernels know connections: the other is told, compared with, and waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.connection_sync import Agreed
from hbeat.core.model import Held, Resource, ResourceGroup, Sessions, SyncPlan
from hbeat.core.sync_news import SyncNews, sync_news_in
from tests.hbeat.machine import DIRECTOR, KEYS, VIP
from tests.hbeat.world import World

NAMES = {f"{number:012x}" for number in range(20)}


def pair(limit: float = 15.0) -> World:
    world = World(sessions=Sessions(SyncPlan("eth1", 5), limit))
    world.both_up()
    world.machines["a"].connections = set(NAMES)
    return world


def level(world: World, name: str) -> str:
    return world.node(name).connections.agreed[0].value


def returning(limit: float = 15.0, *, mute: bool = False) -> World:
    """b has served alone with open connections; a is booted again."""
    world = pair(limit)
    world.run_for(40)
    world.power_off("a")
    world.run_for(10)
    assert world.owners() == {"b"}
    world.sync_is_mute = mute
    world.boot("a")
    return world


def test_standby_is_told_of_every_connection_and_both_say_so() -> None:
    world = pair()
    world.run_for(40)
    assert world.machines["b"].connections == NAMES
    assert (level(world, "a"), level(world, "b")) == ("yes", "yes")
    assert world.node("a").connections.peer_count == 20


def test_only_the_node_that_serves_tells() -> None:
    world = pair()
    world.machines["b"].connections = {"feed00000000"}  # a copy of long ago
    world.run_for(100)
    assert world.machines["a"].connections == NAMES
    assert {wish.virtuals for name, wish in world.looks if name == "a"} >= {None}
    assert {wish.virtuals for name, wish in world.looks if name == "b"} == {()}


def test_node_with_one_of_two_groups_tells_of_its_own_addresses() -> None:
    groups = (
        ResourceGroup("a", (DIRECTOR, VIP)),
        ResourceGroup("b", (Resource("10.1.1.11", "IPaddr", ("10.1.1.11",)),)),
    )
    world = World(groups=groups, sessions=Sessions(SyncPlan("eth1")))
    world.both_up()
    world.run_for(60)
    assert ("10.1.1.10",) in {wish.virtuals for name, wish in world.looks if name == "a"}
    assert ("10.1.1.11",) in {wish.virtuals for name, wish in world.looks if name == "b"}
    assert len(world.looks) < 30  # an answer is not a question


def test_returning_node_gets_its_groups_when_it_knows_the_connections() -> None:
    world = returning()
    began = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 60)
    assert world.machines["a"].connections == NAMES
    assert world.now - began < 5


def test_returning_node_that_learns_nothing_gets_its_groups_at_the_limit() -> None:
    world = returning(limit=8.0, mute=True)
    began = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 60)
    assert 8.0 <= world.now - began < 10.0
    said = "\n".join(world.transcript)
    assert "a does not have the connections of this node after 8 s" in said
    assert "its resources go home all the same" in said


def test_without_the_setting_nothing_is_read_and_nothing_waited_for() -> None:
    world = World()
    world.both_up()
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 60)
    assert world.looks == []


def test_director_that_is_never_ready_is_waited_for_until_the_same_limit() -> None:
    world = returning(limit=6.0)
    world.ready_after = 1000.0
    world.power_off("a")
    world.boot("a")
    began = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 60)
    assert 6.0 <= world.now - began < 8.0


def test_node_without_groups_tells_of_nothing() -> None:
    world = World(groups=(), sessions=Sessions(SyncPlan("eth1")))
    for name in ("a", "b"):
        world.boot(name)
    world.machines["a"].connections = set(NAMES)
    world.run_for(100)
    assert {wish.virtuals for _, wish in world.looks} <= {()}
    assert world.machines["b"].connections == set()


def test_table_that_is_not_level_is_told_once_and_so_is_that_it_is_again() -> None:
    world = pair()
    world.run_for(40)
    world.sync_is_mute = True
    world.machines["b"].connections = set()
    world.run_for(200)
    assert (level(world, "a"), level(world, "b")) == ("no", "no")
    world.sync_is_mute = False
    world.run_for(60)
    assert level(world, "a") == "yes"
    said = "\n".join(world.transcript)
    assert said.count("b does not know all connections of this node") == 1
    assert said.count("b knows the connections of this node") == 2


def test_orderly_stop_tells_of_the_newest_connections_first() -> None:
    world = pair()
    world.run_for(40)
    world.machines["a"].connections.add("abcdef123456")
    world.do("a", lambda c: c.shutdown(world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert "abcdef123456" in world.machines["b"].connections


def test_hb_standby_tells_of_the_newest_connections_first() -> None:
    world = pair()
    world.run_for(40)
    world.machines["a"].connections.add("abcdef123456")
    assert world.node("a").resource_status == "local"
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.node("a").resource_status == "transition"
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert "abcdef123456" in world.machines["b"].connections


@pytest.mark.parametrize("how", ["cable", "takeover"])
def test_pulled_cable_and_hb_takeover_make_it_hurry(how: str) -> None:
    world = pair()
    world.run_for(40)
    world.machines["a"].connections.add("abcdef123456")
    if how == "cable":
        world.pull("a", "eth0")
    else:
        world.do("b", lambda c: c.ask_takeover("all", world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert "abcdef123456" in world.machines["b"].connections


def test_look_that_never_ends_holds_up_a_stop_for_half_a_second() -> None:
    world = pair()
    world.run_for(40)
    world.node("a").connections_read = lambda found, now: []  # type: ignore[method-assign]
    began = world.now
    world.do("a", lambda c: c.shutdown(world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert 0.5 <= world.now - began < 0.8


def test_problem_of_looks_is_told_once() -> None:
    world = pair()
    world.look_problems = {"a": "the interface is away"}
    world.run_for(100)
    assert "\n".join(world.transcript).count("a  connection sync: the interface is away") == 1
    assert level(world, "a") == "unknown"


def test_question_that_cannot_be_answered_is_not_tried_again_and_again() -> None:
    world = pair()
    world.look_problems = {"b": "too many connections"}
    world.run_for(100)
    assert 2 <= sum(name == "b" for name, _ in world.looks) < 50
    assert level(world, "a") == "unknown"


def test_it_can_be_switched_off_in_the_middle_of_a_look_and_on_again() -> None:
    world = pair()
    world.run_for(40)
    cluster, looks = world.node("a"), len(world.looks)
    read, cluster.connections_read = cluster.connections_read, lambda found, now: []  # type: ignore[method-assign]
    world.run_until(lambda: len(world.looks) > looks, 60)
    for plan in (None, SyncPlan("eth1", 5)):
        change = replace(cluster.settings, sessions=Sessions(plan))
        world.do("a", lambda c: c.reload(change, KEYS, world.now))  # noqa: B023
        world.run_for(1 if plan is None else 0)
    cluster.connections_read = read  # type: ignore[method-assign]
    world.machines["b"].connections = set()
    world.run_for(40)
    assert world.machines["b"].connections == NAMES


def test_nodes_with_other_syncids_do_not_wait_for_each_other() -> None:
    world = pair()
    world.run_for(40)
    world.power_off("a")
    world.run_for(10)
    world.sessions = Sessions(SyncPlan("eth1", 6))
    world.sync_is_mute = True
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 10)
    assert level(world, "b") == Agreed.UNKNOWN.value


hashes = st.text("0123456789abcdef", min_size=12, max_size=12)
numbers = st.integers(0, 999_999_999)


@given(
    st.builds(
        SyncNews,
        st.integers(0, 255),
        numbers,
        numbers,
        st.lists(hashes, max_size=8).map(tuple),
        numbers,
        st.none() | numbers,
    )
)
def test_word_of_the_hello_says_what_was_meant(news: SyncNews) -> None:
    assert sync_news_in(news.text()) == news


@given(st.text())
def test_any_other_word_is_no_news(text: str) -> None:
    news = sync_news_in(text)
    assert news is None or news.text() == text
