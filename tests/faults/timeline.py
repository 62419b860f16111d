"""What was seen of a pair from outside, in one order and by one clock: the value that the checker judges.

All times are monotonic seconds of the machine that has the nodes. Nothing in here is what a daemon says of itself, but
the words of its log that it must never say (tracebacks).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TypeVar

Interval = tuple[float, float]
State = TypeVar("State", "Weight", "Serving")


class Kind(StrEnum):
    """What the tester did."""

    FAULT = "fault"
    HEALED = "healed"
    ORDER = "order"  # a command of the operator: start, stop, hb_standby


@dataclass(frozen=True, slots=True)
class Mark:
    """Something was done to the pair, at the beginning of it."""

    at: float
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class Change:
    """A virtual address came to a node's kernel (present) or left it."""

    at: float
    address: str
    node: str
    present: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A machine answered the question who has the address, on the clients' side."""

    at: float
    address: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request, over."""

    begun: float
    ended: float
    good: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight of a real server in the IPVS table of a node changed; None: its entry is gone."""

    at: float
    node: str
    real: str
    weight: int | None


@dataclass(frozen=True, slots=True)
class Serving:
    """A real server began to serve, or ended."""

    at: float
    real: str
    serving: bool


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours on a node, looked at once: its memory in KiB and its open descriptors. born: when it was
    started; what is judged level begins after its youth."""

    at: float
    node: str
    name: str
    pid: int
    memory: int
    descriptors: int
    born: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not to be there: a traceback or a core (I7), or what a stopped node left behind (I5)."""

    at: float
    node: str
    what: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything of one case, each kind in the order of time. addresses: the virtual ones that are judged."""

    began: float
    ended: float
    addresses: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    changes: tuple[Change, ...] = ()
    answers: tuple[Answer, ...] = ()
    requests: tuple[Request, ...] = ()
    weights: tuple[Weight, ...] = ()
    servings: tuple[Serving, ...] = ()
    processes: tuple[Process, ...] = ()
    tracebacks: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()

    def owners(self, address: str) -> list[tuple[Interval, frozenset[str]]]:
        """Who had the address when, without holes from began to ended."""
        now: set[str] = set()
        since, found = self.began, []
        for change in self.changes:
            if change.address != address:
                continue
            at = max(change.at, self.began)
            if at > since:
                found.append(((since, at), frozenset(now)))
                since = at
            (now.add if change.present else now.discard)(change.node)
        if self.ended > since:
            found.append(((since, self.ended), frozenset(now)))
        return _joined(found)

    def marked(self, *kinds: Kind) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind in kinds]

    def since(self, began: float) -> Timeline:
        """The part from this instant on; owners and weights are those that were there at it."""
        return replace(
            self,
            began=began,
            marks=tuple(m for m in self.marks if m.at >= began),
            changes=tuple(_standing(self.changes, began)) + tuple(c for c in self.changes if c.at >= began),
            answers=tuple(a for a in self.answers if a.at >= began),
            requests=tuple(r for r in self.requests if r.begun >= began),
            weights=tuple(_last(self.weights, began)) + tuple(w for w in self.weights if w.at >= began),
            servings=tuple(_last(self.servings, began)) + tuple(s for s in self.servings if s.at >= began),
            processes=tuple(p for p in self.processes if p.at >= began),
            tracebacks=tuple(f for f in self.tracebacks if f.at >= began),
            left=tuple(f for f in self.left if f.at >= began),
        )

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def _standing(changes: Iterable[Change], at: float) -> list[Change]:
    """What had come before, and was still there."""
    there: dict[tuple[str, str], Change] = {}
    for change in changes:
        if change.at < at:
            if change.present:
                there[change.address, change.node] = replace(change, at=at)
            else:
                there.pop((change.address, change.node), None)
    return list(there.values())


def _last(states: Iterable[State], at: float) -> list[State]:
    """The state in which each thing was then."""
    known: dict[tuple[str, str], State] = {}
    for state in states:
        if state.at < at:
            known[getattr(state, "node", ""), state.real] = replace(state, at=at)
    return list(known.values())


def _joined(pieces: Sequence[tuple[Interval, frozenset[str]]]) -> list[tuple[Interval, frozenset[str]]]:
    """Neighbours with the same owners are one."""
    joined: list[tuple[Interval, frozenset[str]]] = []
    for interval, who in pieces:
        if joined and joined[-1][1] == who:
            joined[-1] = ((joined[-1][0][0], interval[1]), who)
        else:
            joined.append((interval, who))
    return joined
