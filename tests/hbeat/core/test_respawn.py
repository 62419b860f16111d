from __future__ import annotations

import pytest

from hbeat.core.respawn import NEVER_AGAIN, PAUSE, SHORT, SHORT_LIVES, Rebirth


def test_a_program_that_lived_for_long_is_started_again_at_once():
    assert Rebirth().ended(1, SHORT) == (0.0, "has ended (exit status 1); starting it again")


def test_one_that_lived_for_a_moment_is_started_again_after_a_pause():
    assert Rebirth().ended(-11, 0.5) == (PAUSE, "has ended (killed by signal 11); starting it again in 1 s")


@pytest.mark.parametrize("lived", [0.5, 1000.0])
def test_exit_status_100_asks_not_to_be_started_again(lived):
    assert Rebirth().ended(NEVER_AGAIN, lived)[0] is None


def test_the_eleventh_short_life_in_a_row_is_the_last():
    rebirth = Rebirth()
    assert all(rebirth.ended(0, 1.0)[0] == PAUSE for _ in range(SHORT_LIVES))
    wait, why = rebirth.ended(0, 1.0)
    assert wait is None
    assert "respawning too fast" in why


def test_a_long_life_in_between_forgives_the_short_ones():
    rebirth = Rebirth()
    for _ in range(3):
        assert all(rebirth.ended(0, 1.0)[0] == PAUSE for _ in range(SHORT_LIVES))
        assert rebirth.ended(0, SHORT)[0] == 0.0
