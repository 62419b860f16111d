"""Every pair of state and event is either in the table or refused."""

from __future__ import annotations

import itertools

import pytest

from ldirector.core.health import NEXT, Event, Health, IllegalEvent, State

LEGAL = {
    ("unknown", "adopted"): "up",
    ("unknown", "passed"): "up",
    ("unknown", "failed"): "down",
    ("up", "passed"): "up",
    ("up", "failed softly"): "up",
    ("up", "failed"): "down",
    ("down", "passed"): "up",
    ("down", "failed"): "down",
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
        health = health.after(health.event_of(passed=False, failurecount=3), second, "refused")
        assert health.state is State.UP
    health = health.after(health.event_of(passed=False, failurecount=3), 3.0, "refused")
    assert (health.state, health.since, health.failures, health.reason) == (State.DOWN, 3.0, 0, "refused")


def test_one_success_resets_the_count() -> None:
    health = Health(State.UP, since=0.0).after(Event.FAILED_SOFTLY, 1.0, "refused")
    assert health.failures == 1
    assert health.after(Event.PASSED, 2.0, "ok").failures == 0


def test_since_stays_while_the_state_does() -> None:
    assert Health(State.UP, since=5.0).after(Event.PASSED, 9.0, "ok").since == 5.0


@pytest.mark.parametrize("state", [State.UNKNOWN, State.DOWN])
def test_failurecount_does_not_matter_while_not_up(state: State) -> None:
    assert Health(state, since=0.0).event_of(passed=False, failurecount=9) is Event.FAILED
