"""Resources kept warm: when they are started again. Everything outside is decided here, and the time is an argument."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from hbeat.agents.operation import Operation
from hbeat.agents.roster import Agents
from hbeat.core.events import Outcome
from hbeat.core.model import Resource
from hbeat.operations import Operations
from hbeat.warm import RETRY, WarmResources
from tests.hbeat.machine import DIRECTOR


class Director(Agents):
    """Starts or does not, as the test has it; ends when told to."""

    def __init__(self) -> None:
        super().__init__({}, pytest.fail)
        self.starts = True
        self.started = 0
        self.told_to_end = 0
        self.lives: list[Life] = []
        self.starting: Life | None = None
        """Where the start takes its time."""
        self.glances: list[Life] = []

    def warm_up(self, resource: Resource, now: float) -> Outcome | Operation:
        self.started += 1
        if self.starting is not None:
            return self.starting
        return Outcome(self.starts, "" if self.starts else "no memory", running=True)

    def watch(self, resource: Resource) -> Outcome | Operation:
        self.lives.append(Life())
        return self.lives[-1]

    def glance(self, resource: Resource, now: float) -> Outcome | Operation:
        self.glances.append(Life())
        return self.glances[-1]

    def cool_down(self, resource: Resource, now: float) -> Outcome | Operation:
        self.told_to_end += 1
        return Outcome(True)


class Life:
    """An operation that is over when the daemon has ended, or whatever is told here."""

    deadline = float("inf")
    filenos: list[int] = []
    outcome = Outcome(False, "ended")

    def step(self, now: float) -> Outcome | None:
        return self.outcome

    def expire(self, now: float) -> Outcome | None:
        return None


class Keeping:
    """One resource that is kept warm, from time 0 on."""

    def __init__(self, director: Director) -> None:
        self.director = director
        self.ready: list[bool] = []
        self.notes: list[str] = []
        self.views: list[bool | None] = []
        self.operations = Operations(selectors.SelectSelector())
        self.warm = WarmResources(
            director,
            self.operations,
            lambda resource, ready, now: self.ready.append(ready),
            lambda resource, blind, now: self.views.append(blind),
            lambda note: self.notes.append(note.text),
        )
        self.warm.prepare(DIRECTOR, 0.0)

    def pauses(self, number: int) -> Iterator[float]:
        """From one attempt to the next."""
        now = 0.0
        for _ in range(number):
            before, now = now, self.warm.next_deadline() or now
            self.warm.handle_timer(now)
            yield now - before


@pytest.fixture
def director() -> Iterator[Director]:
    made = Director()
    yield made
    made.close()


def test_what_does_not_start_is_tried_again_less_and_less_often(director: Director) -> None:
    director.starts = False
    keeping = Keeping(director)
    assert list(keeping.pauses(6)) == [1, 2, 4, 8, 10, 10]
    assert director.started == 7
    assert keeping.notes[0].endswith("cannot be kept running: no memory; trying again in 1 s")
    assert keeping.ready == []


def test_what_died_soon_is_started_again_after_a_pause(director: Director) -> None:
    keeping = Keeping(director)
    keeping.operations.step(director.lives[-1], 5.0)
    assert keeping.warm.next_deadline() == 6.0
    assert keeping.notes == [f"{DIRECTOR.text} has died; starting it again in 1 s"]
    keeping.warm.handle_timer(6.0)
    keeping.operations.step(director.lives[-1], 7.0)
    assert keeping.warm.next_deadline() == 9.0
    assert keeping.ready == [True, False, True, False]


def test_what_had_lived_for_a_while_is_started_again_at_once(director: Director) -> None:
    keeping = Keeping(director)
    keeping.operations.step(director.lives[-1], 5.0)
    keeping.warm.handle_timer(6.0)
    died = 6.0 + RETRY + 0.1
    keeping.operations.step(director.lives[-1], died)
    assert keeping.warm.next_deadline() == died
    keeping.warm.handle_timer(died)
    keeping.operations.step(director.lives[-1], died + 1)
    assert keeping.warm.next_deadline() == died + 2  # the first of its pauses again


def test_what_came_after_it_was_told_to_end_is_told_again(director: Director) -> None:
    director.starting = Life()
    keeping = Keeping(director)
    keeping.warm.dismiss(DIRECTOR, 1.0)
    director.starting.outcome = Outcome(True, running=True)
    keeping.operations.step(director.starting, 2.0)
    assert director.told_to_end == 2
    assert (keeping.ready, keeping.warm.next_deadline()) == ([], None)


def test_what_is_dismissed_stays_away(director: Director) -> None:
    keeping = Keeping(director)
    assert keeping.views == [False]
    keeping.warm.dismiss(DIRECTOR, 1.0)
    assert keeping.views == [False, None]
    keeping.operations.step(director.lives[-1], 1.1)
    assert keeping.warm.next_deadline() is None
    assert keeping.notes == []


def test_what_does_not_answer_is_not_ready_until_it_does(director: Director) -> None:
    keeping = Keeping(director)
    keeping.warm.handle_timer(1.0)
    keeping.warm.handle_timer(2.0)
    assert len(director.glances) == 1  # one at a time
    director.glances[0].outcome = Outcome(False, "no answer from ldirectord")
    keeping.operations.step(director.glances[0], 11.0)
    assert keeping.ready == [True, False]
    assert keeping.notes[-1].startswith(f"{DIRECTOR.text} runs and does not answer")
    keeping.warm.handle_timer(12.0)
    director.glances[1].outcome = Outcome(False)  # it answers that it does not know yet
    keeping.operations.step(director.glances[1], 12.5)
    assert keeping.ready == [True, False, True]
    assert keeping.notes[-1] == f"{DIRECTOR.text} answers again"
