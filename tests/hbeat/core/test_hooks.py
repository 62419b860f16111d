"""What the scripts in rc.d are told, and what not."""

from __future__ import annotations

from hbeat.core.hooks import Circumstances, Hooks
from hbeat.core.model import Held
from hbeat.core.wire import Message
from tests.hbeat.world import World

ALL = frozenset({"status", "ifstat", "stonith", "ask_resources", "hb_takeover", "resource", "starting", "shutdone"})


def told_to(world: World, name: str, type_: str) -> list[dict[str, str]]:
    return [dict(hook.fields) for node, hook in world.told if node == name and hook.type == type_]


def up() -> World:
    world = World()
    world.hooks = ALL
    return world.both_up()


def test_status_is_told_when_it_changes_of_both_nodes() -> None:
    world = up()
    seen = [(told["src"], told["st"]) for told in told_to(world, "b", "status")]
    assert [st for src, st in seen if src == "b"] == ["init", "up", "active"]
    assert [st for src, st in seen if src == "a"][-1] == "active"
    world.power_off("a")
    world.run_for(10)
    last = told_to(world, "b", "status")[-1]
    assert (last["src"], last["st"], last["OSTATUS"], last.get("DONTASK")) == ("a", "dead", "active", None)


def test_script_gets_every_text_field_and_our_own_status() -> None:
    told = told_to(up(), "a", "status")[-1]
    assert {"t", "st", "dt", "protocol", "src", "seq", "hg", "ts", "ld", "ttl", "OSTATUS"} <= set(told)
    assert "srcuuid" not in told


def test_links_are_told() -> None:
    world = up()
    world.cut = {("a", "eth1")}
    world.run_for(10)
    told = told_to(world, "a", "ifstat")
    assert [(t["node"], t["ifname"], t["st"]) for t in told][-1] == ("b", "eth1", "dead")
    world.heal()
    world.run_for(3)
    assert told_to(world, "a", "ifstat")[-1]["st"] == "up"


def test_what_moves_resources_is_not_told_and_requests_are_told_by_the_other_node_only() -> None:
    world = up()
    world.do("b", lambda c: c.ask_takeover("all", world.now))
    world.run_for(10)
    world.do("b", lambda c: c.give(Held.ALL, world.now))
    world.run_for(10)
    assert [dict(hook.fields)["src"] for _, hook in world.told if hook.type == "hb_takeover"] == ["b"]
    assert told_to(world, "b", "hb_takeover") == []
    assert not {"resource", "starting", "shutdone"} & {hook.type for _, hook in world.told}
    assert [t["info"] for t in told_to(world, "a", "ask_resources")][:3] == ["me", "other", "done"]


def test_node_alone_says_so() -> None:
    world = World()
    world.hooks = frozenset({"status"})
    world.boot("a")
    world.run_for(15)
    assert told_to(world, "a", "status")[-1]["DONTASK"] == "yes"


def test_field_can_neither_name_nor_hold_what_the_environment_must_not() -> None:
    fields = [("t", "x"), ("DIR", "/tmp"), ("a\0b", "c"), ("ok", "d\0e" + "f" * 10_000), ("ok", "second")]
    (hook,) = Hooks(frozenset({"x"})).news(Message.of(fields), Circumstances("active", False), ours=False)
    assert dict(hook.fields) == {"t": "x", "ok": ("de" + "f" * 10_000)[:4096], "OSTATUS": "active"}
