"""Every pair of state and event is either in the table or refused."""

from __future__ import annotations

import itertools

import pytest

from ldirector.core.health import NEXT, Event, Health, IllegalEvent, State

LEGAL = {
    ("unknown", "adopted"): "up",
    ("unknown", "passed"): "up",
    ("unknown", "failed"): "down",
    ("unknown", "taken out"): "down",
    ("up", "passed"): "up",
    ("up", "failed softly"): "up",
    ("up", "failed"): "down",
    ("up", "taken out"): "down",
    ("down", "passed"): "up",
    ("down", "passed softly"): "down",
    ("down", "failed"): "down",
    ("down", "taken out"): "down",
    ("down", "put back"): "unknown",
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_of_state_and_event_is_listed_or_refused(state: State, event: Event) -> None:
    health = Health(state, since=1.0)
    wanted = LEGAL.get((state.value, event.value))
    if wanted:
        assert health.after(event, 2.0, "why").state is State(wanted)
    else:
        with pytest.raises(IllegalEvent, match=f"{event.value} cannot happen to a real that is {state.value}"):
            health.after(event, 2.0, "why")
    assert health == Health(state, since=1.0)


def test_table_has_no_other_pairs() -> None:
    assert {(state.value, event.value) for state, event in NEXT} == set(LEGAL)


def test_real_falls_at_the_failurecount_and_not_before() -> None:
    health = Health(State.UP, since=0.0)
    for second in (1.0, 2.0):
        health = health.after(health.event_of(passed=False, fall=3), second, "refused")
        assert health.state is State.UP
    health = health.after(health.event_of(passed=False, fall=3), 3.0, "refused")
    assert (health.state, health.since, health.failures, health.reason) == (State.DOWN, 3.0, 0, "refused")


def test_one_success_resets_the_count() -> None:
    health = Health(State.UP, since=0.0).after(Event.FAILED_SOFTLY, 1.0, "refused")
    assert health.failures == 1
    assert health.after(Event.PASSED, 2.0, "ok").failures == 0


def test_since_stays_while_the_state_does() -> None:
    assert Health(State.UP, since=5.0).after(Event.PASSED, 9.0, "ok").since == 5.0


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DOWN])
def test_failurecount_does_not_matter_while_not_up(state: State) -> None:
    assert Health(state, since=0.0).event_of(passed=False, fall=9) is Event.FAILED


def test_real_that_was_down_comes_back_at_the_last_of_its_good_checks_in_a_row() -> None:
    health = Health(State.DOWN, since=0.0, reason="refused")
    for second in (1.0, 2.0):
        health = health.after(health.event_of(passed=True, fall=1, rise=3), second, "ok")
        assert (health.state, health.reason, health.is_moving) == (State.DOWN, "refused", True)
    assert health.after(health.event_of(passed=False, fall=1, rise=3), 3.0, "refused").successes == 0
    health = health.after(health.event_of(passed=True, fall=1, rise=3), 3.0, "ok")
    assert (health.state, health.since, health.is_moving) == (State.UP, 3.0, False)


def test_unknown_real_rises_on_its_first_good_check() -> None:
    assert Health(State.UNKNOWN, since=0.0).event_of(passed=True, fall=1, rise=5) is Event.PASSED
