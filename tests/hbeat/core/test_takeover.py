from __future__ import annotations

from typing import Any

from hbeat.core.events import Action, Level, Note, Outcome, RunResource
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.takeover import STOP_RETRIES, STUCK_RETRY_PAUSE, Job, JobDone, JobKind, JobQueue

VIP = Resource("IPaddr::10.1.1.10", "IPaddr", ("10.1.1.10",))
DISK = Resource("Filesystem", "Filesystem")
WEB = Resource("apache", "apache")
ONE = ResourceGroup("a", (VIP, WEB))
TWO = ResourceGroup("b", (DISK,))
GOOD, BAD = Outcome(True), Outcome(False, "exit status 1")
RUNNING, STOPPED = Outcome(True, running=True), Outcome(True, running=False)


class Player:
    """Answers each step and writes down what was run."""

    def __init__(self) -> None:
        self.queue = JobQueue({"IPaddr"})
        self.ran: list[str] = []
        self.done: list[JobDone] = []
        self.notes: list[Note] = []
        self.op_id = 0

    def take(self, produced: list[Any]) -> None:
        for item in produced:
            match item:
                case RunResource(op_id, resource, action):
                    self.op_id = op_id
                    self.ran.append(f"{action.value} {resource.text}")
                case JobDone():
                    self.done.append(item)
                case Note():
                    self.notes.append(item)

    def add(self, kind: JobKind, *groups: ResourceGroup) -> None:
        self.take(self.queue.add(Job(kind, groups)))

    def answer(self, *outcomes: Outcome, now: float = 0.0) -> None:
        for outcome in outcomes:
            self.take(self.queue.finished(self.op_id, outcome, now))


def test_group_is_started_left_to_right_and_scripts_are_asked_first() -> None:
    p = Player()
    p.add(JobKind.OWN, ONE)
    p.answer(GOOD, STOPPED, GOOD)
    assert p.ran == ["start IPaddr::10.1.1.10", "status apache", "start apache"]
    assert p.done == [JobDone(Job(JobKind.OWN, (ONE,)))]


def test_running_script_is_not_started_again() -> None:
    p = Player()
    p.add(JobKind.OWN, ResourceGroup("a", (WEB,)))
    p.answer(RUNNING)
    assert p.ran == ["status apache"]
    assert p.queue.idle


def test_groups_are_stopped_right_to_left() -> None:
    p = Player()
    p.add(JobKind.SHUTDOWN, ONE, TWO)
    p.answer(GOOD, GOOD, GOOD)
    assert p.ran == ["stop Filesystem", "stop apache", "stop IPaddr::10.1.1.10"]


def test_what_an_earlier_life_left_is_stopped_and_nothing_else() -> None:
    p = Player()
    p.add(JobKind.TIDY, ONE, TWO)
    p.answer(RUNNING, GOOD, STOPPED, GOOD)
    assert p.ran == ["status Filesystem", "stop Filesystem", "status apache", "stop IPaddr::10.1.1.10"]
    assert p.queue.idle


def test_failed_start_stops_its_whole_group_and_leaves_the_others_alone() -> None:
    p = Player()
    p.add(JobKind.OWN, ONE, TWO)
    p.answer(GOOD, STOPPED, BAD, GOOD, GOOD, STOPPED, GOOD)
    assert p.ran[3:5] == ["stop apache", "stop IPaddr::10.1.1.10"]
    assert p.ran[5:] == ["status Filesystem", "start Filesystem"]
    assert p.done[0].failed == (ONE,)


def test_failed_stop_is_tried_ten_times_more_then_asked_for_its_status() -> None:
    p = Player()
    p.add(JobKind.HAND_OVER, TWO)
    now = 0.0
    for _ in range(STOP_RETRIES):
        p.answer(BAD, now=now)
        now = p.queue.next_deadline() or 0.0
        p.take(p.queue.handle_timer(now))
    p.answer(BAD, now=now)
    assert p.ran == ["stop Filesystem"] * (STOP_RETRIES + 1) + ["status Filesystem"]
    p.answer(STOPPED, now=now)
    assert len(p.done) == 1


def test_resource_that_still_runs_is_never_taken_for_stopped() -> None:
    p = Player()
    p.add(JobKind.HAND_OVER, TWO)
    now = 0.0
    for _ in range(STOP_RETRIES):
        p.answer(BAD, now=now)
        now = p.queue.next_deadline() or 0.0
        p.take(p.queue.handle_timer(now))
    p.answer(BAD, RUNNING, now=now)
    assert p.done == []
    assert p.notes[-1].level is Level.CRITICAL
    assert p.queue.next_deadline() == now + STUCK_RETRY_PAUSE
    p.take(p.queue.handle_timer(now + STUCK_RETRY_PAUSE))
    p.answer(GOOD, now=now + STUCK_RETRY_PAUSE)
    assert len(p.done) == 1


def test_status_that_cannot_be_had_is_not_taken_for_stopped() -> None:
    p = Player()
    p.add(JobKind.HAND_OVER, TWO)
    now = 0.0
    for _ in range(STOP_RETRIES):
        p.answer(BAD, now=now)
        now = p.queue.next_deadline() or 0.0
        p.take(p.queue.handle_timer(now))
    p.answer(BAD, Outcome(False, "killed"), now=now)
    assert p.done == []
    assert "may still run" in p.notes[-1].text


def test_jobs_wait_for_each_other() -> None:
    p = Player()
    p.add(JobKind.OWN, ONE)
    p.add(JobKind.HAND_OVER, ONE)
    assert p.ran == ["start IPaddr::10.1.1.10"]
    p.answer(GOOD, RUNNING)
    assert p.ran[-1] == "stop apache"


def test_outcome_of_an_older_step_is_ignored() -> None:
    p = Player()
    p.add(JobKind.OWN, ONE)
    stale = p.op_id
    p.answer(GOOD)
    p.take(p.queue.finished(stale, BAD, 0.0))
    assert p.queue.finished(stale, BAD, 0.0) == []
    assert Action.STOP.value not in " ".join(p.ran)
