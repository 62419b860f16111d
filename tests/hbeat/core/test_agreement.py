from __future__ import annotations

from dataclasses import replace

import pytest

from hbeat.core.agreement import Agreement
from tests.hbeat.world import World

SAME = (("authkeys", "1,2"), ("haresources", "aa"), ("ldirectord.cf", "bb"))


def changed(name: str, digest: str) -> tuple[tuple[str, str], ...]:
    return tuple((n, digest if n == name else d) for n, d in SAME)


def test_same_files_are_no_news() -> None:
    agreement = Agreement(SAME)
    assert agreement.compare("b", SAME) == []
    assert agreement.differing == ()


def test_a_difference_is_told_once_for_each_change_and_once_when_it_is_over() -> None:
    agreement = Agreement(SAME)
    told = [
        [note.text for note in agreement.compare("b", theirs)]
        for theirs in (
            changed("haresources", "x"),
            changed("haresources", "x"),
            changed("haresources", "y"),
            SAME,
            SAME,
        )
    ]
    assert [len(texts) for texts in told] == [1, 0, 1, 1, 0]
    assert "haresources is not the same on b" in told[0][0]
    assert "again" in told[3][0]


def test_numbers_of_keys_are_told_in_full() -> None:
    (note,) = Agreement(SAME).compare("b", changed("authkeys", "1,3"))
    assert note.text == "authkeys has other keys on b: numbers 1,3; here: 1,2"


@pytest.mark.parametrize(("ours", "theirs"), [(SAME, SAME[:2]), (SAME[:2], SAME)])
def test_a_file_that_only_one_node_uses_is_a_difference(
    ours: tuple[tuple[str, str], ...], theirs: tuple[tuple[str, str], ...]
) -> None:
    agreement = Agreement(ours)
    (note,) = agreement.compare("b", theirs)
    assert "make haresources the same" in note.text
    assert agreement.differing == ("ldirectord.cf",)


def test_a_peer_that_is_gone_differs_in_nothing() -> None:
    agreement = Agreement(SAME)
    agreement.compare("b", changed("haresources", "x"))
    agreement.forget()
    assert agreement.differing == ()
    assert len(agreement.compare("b", changed("haresources", "x"))) == 1


def test_both_nodes_say_so_within_two_beats() -> None:
    world = World().both_up()
    mark = len(world.transcript)
    world.do("a", lambda c: c.files_changed((("haresources", "new"),), world.now))
    world.do("b", lambda c: c.files_changed((("haresources", "old"),), world.now))
    world.run_for(2 * world.timing.keepalive)
    said = [line.split()[1] for line in world.transcript[mark:] if "haresources is not the same" in line]
    assert set(said) == {"a", "b"}
    assert [world.node(n).agreement.differing for n in "ab"] == [("haresources",)] * 2


def test_an_original_says_nothing_of_its_files() -> None:
    world = World()
    world.machines["b"].original = True
    world.files = SAME
    world.both_up()
    world.do("a", lambda c: c.reload(replace(c.settings, files=changed("haresources", "x")), c.outbox.keys, world.now))
    world.run_for(5)
    assert world.node("a").agreement.differing == ()
