"""Orders that come through the FIFO, and what is told of them when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hbeat.control_requests import KEPT, KNOWN, ORDER, Answer, ControlRequests
from hbeat.core.events import Effect
from hbeat.core.script_messages import Fields
from tests.hbeat.world import World

Written = list[Fields]


def order(number: str, words: str) -> Fields:
    return ("t", ORDER), ("order", words), ("number", number)


class Node:
    """One of a pair, with what is written in its FIFO and not read yet."""

    def __init__(self, world: World) -> None:
        self.written: Written = []
        self.stopped = 0
        self._world = world
        self._requests = ControlRequests(
            world.node("a"), self._perform, lambda now: {}, lambda: {"ok": True}, self._stop, self._read
        )

    def _perform(self, effects: Iterable[Effect]) -> None:
        found = list(effects)
        self._world.do("a", lambda cluster: found)

    def _stop(self) -> None:
        self.stopped += 1

    def _read(self) -> None:
        written, self.written = self.written, []
        for fields in written:
            self._requests.order(fields, self._world.now)

    def ask(self, *words: str, may_change: bool = True) -> Answer:
        return self._requests.answer(list(words), may_change, self._world.now)


@pytest.fixture
def world() -> World:
    return World().both_up()


def test_outcome_of_an_order_is_told_once_also_when_it_was_not_read_yet(world: World) -> None:
    node = Node(world)
    node.written = [order("17", "standby all")]
    assert node.ask("outcome", "17") == {"ok": True}
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert node.ask("outcome", "17") == {"ok": False, "error": "that order did not arrive"}


def test_refusal_is_told_and_so_is_what_is_no_order(world: World) -> None:
    node = Node(world)
    node.written = [order("17", "standby all"), order("18", "standby all"), order("19", "dance")]
    told = [node.ask("outcome", number) for number in ("17", "18", "19")]
    assert (told[0]["ok"], told[1]["ok"], told[2]) == (True, False, {"ok": False, "error": KNOWN})
    assert "another standby is under way" in str(told[1]["error"])
    assert sum("order 'dance' of a script is none" in line for line in world.transcript) == 1


def test_question_in_the_fifo_is_no_order(world: World) -> None:
    """It would be looked for in the FIFO that is being read."""
    node = Node(world)
    node.written = [order("17", " outcome 18"), order("18", "standby all")]
    assert [node.ask("outcome", number)["ok"] for number in ("17", "18")] == [False, True]
    assert sum("order ' outcome 18' of a script is none" in line for line in world.transcript) == 1


def test_orders_that_nobody_asks_for_are_forgotten(world: World) -> None:
    node = Node(world)
    node.written = [order(str(number), "stop") for number in range(KEPT + 1)]
    assert [node.ask("outcome", number)["ok"] for number in ("0", "1", str(KEPT))] == [False, True, True]
    assert node.stopped == KEPT + 1


def test_who_may_only_look_is_not_told(world: World) -> None:
    assert Node(world).ask("outcome", "17", may_change=False)["denied"] is True
