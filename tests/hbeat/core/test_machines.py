"""The tables of phase and standby: every pair of state and event is either listed or refused."""

from __future__ import annotations

import pytest

from hbeat.core.model import Held
from hbeat.core.phase import Event, IllegalEvent, Phase, following
from hbeat.core.standby import ANSWER_WAIT, IllegalStep, Stage, Standby, Step

LEGAL_STEPS = {
    (Stage.NOT, Step.ASK),
    (Stage.ASKED, Step.ANSWERED),
    (Stage.GIVING, Step.GAVE),
    (Stage.GIVEN, Step.PEER_DONE),
    (Stage.NOT, Step.ASKED_BY_PEER),
    (Stage.ASKED, Step.ASKED_BY_PEER),
    (Stage.PROMISED, Step.PEER_DONE),
    (Stage.TAKING, Step.TOOK),
}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", Event)
def test_every_phase_knows_every_event_but_becoming_active_twice(phase: Phase, event: Event) -> None:
    if event is Event.ACTIVATED and phase not in (Phase.INIT, Phase.SHUTDOWN):
        with pytest.raises(IllegalEvent):
            following(phase, event)
    else:
        following(phase, event)


@pytest.mark.parametrize("event", [e for e in Event if e is not Event.ACTIVATED])
def test_stable_is_left_by_a_stop_only(event: Event) -> None:
    assert following(Phase.STABLE, event) is (Phase.SHUTDOWN if event is Event.STOP else Phase.STABLE)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("step", Step)
def test_standby_step_is_listed_or_refused_and_changes_nothing(stage: Stage, step: Step) -> None:
    standby = Standby()
    standby.stage, standby.scope = stage, Held.LOCAL
    if (stage, step) in LEGAL_STEPS:
        standby.step(step, 1.0)
        assert standby.stage is not stage
        return
    with pytest.raises(IllegalStep):
        standby.step(step, 1.0, Held.ALL)
    assert (standby.stage, standby.scope) == (stage, Held.LOCAL)


def test_giver_waits_ten_seconds_for_an_answer() -> None:
    standby = Standby()
    standby.step(Step.ASK, 5.0, Held.ALL)
    assert standby.deadline == 5.0 + ANSWER_WAIT
