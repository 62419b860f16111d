from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.events import Effect, Note, SendDatagram
from hbeat.core.lives import QUIET, REMEMBERED, Lives
from tests.hbeat.world import World

FIRST, SECOND = (5, "one"), (6, "two")


def told(lives: Lives, life: tuple[int, str], now: float = 0.0) -> list[str]:
    return [note.text for note in lives.opened(life, now)]


def test_each_new_life_is_a_restart() -> None:
    lives = Lives("test2.com")
    assert told(lives, FIRST) == []
    assert told(lives, SECOND) == ["node test2.com: restarted (generation 6)"]
    assert told(lives, (6, "three")) == ["node test2.com: restarted (generation 6)"]


def test_life_that_was_given_up_and_goes_on_is_no_restart() -> None:
    lives = Lives("test2.com")
    assert told(lives, FIRST) == told(lives, FIRST) == []


def test_two_lives_that_alternate_are_two_machines_and_are_told_once_in_a_while() -> None:
    lives = Lives("test2.com")
    said = [text for turn in range(1000) for text in told(lives, (FIRST, SECOND)[turn % 2], turn * QUIET / 500)]
    assert said[0] == "node test2.com: restarted (generation 6)"
    assert said[1:] == ["two machines are called test2.com, or two daemons run there: stop one of them"] * 2


def test_what_is_remembered_is_bounded() -> None:
    lives = Lives("test2.com")
    for generation in range(1000):
        lives.opened((generation, ""), 0.0)
    assert len(lives._seen) == REMEMBERED


def test_second_daemon_of_one_name_does_not_fill_the_log_of_the_other_node() -> None:
    world = World().both_up()
    first, b = world.node("a"), world.node("b")
    said: list[str] = []
    begin = world.now
    both = (first, world.boot("a"))
    for now in (begin + 0.5 * turn for turn in range(1, 241)):
        waiting = [effect for a in both for effect in a.handle_timer(now)]
        for _ in range(10):  # there and back, until nobody answers any more
            heard = [e for data in sent(waiting) for e in b.receive("eth0", data, now)]
            said += [effect.text for effect in heard if isinstance(effect, Note)]
            waiting = [e for data in sent(heard) for a in both for e in a.receive("eth0", data, now)]
    assert sum("restarted" in text for text in said) == 1
    assert 1 <= sum("two machines are called a" in text for text in said) <= 2


def sent(effects: Iterable[Effect]) -> list[bytes]:
    return [effect.data for effect in effects if isinstance(effect, SendDatagram)]
