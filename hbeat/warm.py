"""Resources kept warm: running on the node that does not serve, so that a takeover is one request."""

from __future__ import annotations

from collections.abc import Callable

from hbeat.agents.roster import Agents
from hbeat.core.events import Level, Note, Outcome
from hbeat.core.model import Resource
from hbeat.operations import Operations

GLANCE = 1.0
"""Seconds between two looks at whether a director sees any server."""
FIRST_RETRY, RETRY = 1.0, 10.0
"""Seconds until the next attempt, for what did not start or lived for less than the longer time: they double."""


class WarmResources:
    """Keeps running what Prepare asks for, until Dismiss.

    prepared: told when a resource becomes ready, or stops being so. sighted: told whether it sees no server at all, or
    None when that is not known any more. note: takes lines for the log.
    """

    def __init__(
        self,
        agents: Agents,
        operations: Operations,
        prepared: Callable[[Resource, bool, float], None],
        sighted: Callable[[Resource, bool | None, float], None],
        note: Callable[[Note], None],
    ) -> None:
        self._agents, self._operations = agents, operations
        self._prepared, self._sighted, self._note = prepared, sighted, note
        self._glance_at: dict[Resource, float | None] = {}  # None: a look is under way
        self._again: dict[Resource, float] = {}
        self._pause: dict[Resource, float] = {}
        self._dismissed: set[Resource] = set()
        self._hung: set[Resource] = set()

    def next_deadline(self) -> float | None:
        times = (*self._again.values(), *self._glance_at.values())
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Starts what has waited for its next attempt."""
        for resource in [r for r, at in self._again.items() if at <= now]:
            del self._again[resource]
            self._warm_up(resource, now)
        for resource in [r for r, at in self._glance_at.items() if at is not None and at <= now]:
            self._glance(resource, now)

    def _glance(self, resource: Resource, now: float) -> None:
        """One at a time: what hangs would have them all wait at its socket."""

        def glanced(outcome: Outcome, at: float) -> None:
            if resource not in self._glance_at:
                return
            self._glance_at[resource] = at + GLANCE
            self._heard(resource, bool(outcome.ok or not outcome.detail), at)
            if outcome.ok:
                self._sighted(resource, not outcome.running, at)

        self._glance_at[resource] = None
        self._operations.follow(self._agents.glance(resource, now), glanced, now)

    def _heard(self, resource: Resource, answers: bool, now: float) -> None:
        """What does not answer cannot serve: no group comes home to it."""
        if answers is (resource not in self._hung):
            return
        if answers:
            self._hung.discard(resource)
            self._note(Note(Level.WARNING, f"{resource.text} answers again"))
        else:
            self._hung.add(resource)
            text = f"{resource.text} runs and does not answer: end it with SIGKILL, it will be started again"
            self._note(Note(Level.ERROR, text))
        self._prepared(resource, answers, now)

    def prepare(self, resource: Resource, now: float) -> None:
        """Starts it, and starts it again when it ends."""
        self._dismissed.discard(resource)
        self._pause.pop(resource, None)
        self._warm_up(resource, now)

    def dismiss(self, resource: Resource, now: float) -> None:
        """Ends it, for good."""
        self._again.pop(resource, None)
        self._glance_at.pop(resource, None)
        self._hung.discard(resource)
        self._dismissed.add(resource)
        self._sighted(resource, None, now)
        self._cool_down(resource, now)

    def _cool_down(self, resource: Resource, now: float) -> None:
        self._operations.follow(self._agents.cool_down(resource, now), lambda outcome, at: None, now)

    def _warm_up(self, resource: Resource, now: float) -> None:
        def warmed(outcome: Outcome, at: float) -> None:
            if resource in self._dismissed:
                self._cool_down(resource, at)  # it may have come after it was told to end
            elif outcome.ok:
                self._sighted(resource, not outcome.running, at)
                self._glance_at[resource] = at + GLANCE
                self._prepared(resource, True, at)
                vigil = self._agents.watch(resource)
                self._operations.follow(vigil, lambda _, ended_at: self._died(resource, at, ended_at), at)
            else:
                wait = self._next_pause(resource)
                text = f"{resource.text} cannot be kept running: {outcome.detail}; trying again in {wait:g} s"
                self._note(Note(Level.ERROR, text))
                self._again[resource] = at + wait

        self._operations.follow(self._agents.warm_up(resource, now), warmed, now)

    def _died(self, resource: Resource, warm_at: float, now: float) -> None:
        """It ended without being told to by us: start it again, at once if it had lived for a while."""
        self._glance_at.pop(resource, None)
        self._hung.discard(resource)
        if resource in self._dismissed:
            return
        self._sighted(resource, None, now)
        self._prepared(resource, False, now)
        if now - warm_at > RETRY:
            self._pause.pop(resource, None)
            wait = 0.0
        else:
            wait = self._next_pause(resource)
        when = f"in {wait:g} s" if wait else "now"
        self._note(Note(Level.ERROR, f"{resource.text} has died; starting it again {when}"))
        self._again[resource] = now + wait

    def _next_pause(self, resource: Resource) -> float:
        pause = self._pause.get(resource, FIRST_RETRY)
        self._pause[resource] = min(2 * pause, RETRY)
        return pause
