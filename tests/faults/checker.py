"""The invariants of a pair, as pure functions: a timeline and the bounds of a fault in, violations out.

I1  an address never has two owners, in the kernels or on the wire; ORDERLY seconds are forgiven in a handover that was
    ordered or follows a repair, in which the one that had it leaves it, but not again and again
I2  an address never has no owner, and the client never no answer, for longer than the fault's bound
I3  soon after the repair there is one owner, and the client is served, and both stay so
I4  a real server that is dead has weight 0 after the bound
I5  nothing is left of a node that was stopped, or whose processes were all killed
I6  memory and descriptors stay level
I7  no traceback, no core, and no process that ended without being told to
I8  an address changes its owner only after a cause, and no more often than the cause accounts for

Two reads of two kernels are not one moment, and the kernel tells of a change a moment after it: what is shorter than
UNSEEN cannot be judged from outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from tests.faults.timeline import Interval, Kind, Process, Timeline

T = TypeVar("T")

UNSEEN = 0.005
ORDERLY = 0.050
HANDOVER = 1.0
"""Seconds for which an orderly handover may leave the client without an answer: stop, start, announce, on a machine
whose processors other cases share."""
INTERLEAVED = 0.1
"""Two machines that both answer do so in turn; after a handover the old one does not come again so soon."""
CALM_GAP, STILL_GAP = 1.0, 0.5
"""Seconds between two answers for a client whom nothing disturbs, on such a machine: where addresses move besides, and
where nothing is to move. With four cases at once on two processors 0.37 s were seen where nothing moved at all."""
MEMORY_SLACK = 16_384
DESCRIPTOR_SLACK = 10
"""KiB and descriptors by which a daemon may differ from itself before: a young one grows, and checks under way have
some, too."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a fault may cost. Times are seconds.

    outage: without owner or answer; None: while it lasts nobody can serve. split: the nodes cannot know of each other
    while it lasts, not even by ARP, so that two kernels may have the address; each client sees one. agrees: from the
    fault until one of them has given way all the same, since it hears the other one. heals: from the repair until one
    owner serves. unserved: how much longer than that a client may be without answer, whose own frames are lost, too.
    moves: changes of owner that it accounts for, for each address. settles: for how long after it, and after its
    repair, such changes may come. dead_weight: how long a dead real server may have weight. ends: processes of ours
    may end by it. warm_up: until a process that was started has come to its size. memory, descriptors: KiB and number
    by which one may grow.
    """

    outage: float | None = 0.0
    split: bool = False
    agrees: float | None = None
    heals: float = 1.0
    unserved: float = 0.0
    moves: int = 0
    settles: float = 20.0
    dead_weight: float = 5.0
    ends: bool = False
    warm_up: float = 3.0
    memory: int = MEMORY_SLACK
    descriptors: int = DESCRIPTOR_SLACK


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold. at: when it began not to."""

    invariant: str
    at: float
    what: str


def check(timeline: Timeline, bounds: Bounds) -> list[Violation]:
    """Every violation, in the order of time."""
    rules: list[Callable[[Timeline, Bounds], Iterator[Violation]]] = [
        two_owners,
        two_answers,
        no_owner,
        no_service,
        not_healed,
        dead_weight,
        left_behind,
        growth,
        tracebacks,
        ended,
        uncaused,
    ]
    found = [violation for rule in rules for violation in rule(timeline, bounds)]
    return sorted(found, key=lambda violation: violation.at)


def two_owners(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I1, as the kernels have it."""
    forgiven = _cut_off(timeline, bounds)
    orderly = [(mark.at, mark.at + bounds.settles) for mark in timeline.marked(Kind.ORDER, Kind.HEALED)]
    for address in timeline.addresses:
        handed_over = 0.0
        owners = timeline.owners(address)
        nobody = frozenset[str]()
        around = [nobody, *(who for _, who in owners), nobody]
        for (interval, who), earlier, later in zip(owners, around, around[2:], strict=False):
            if len(who) < 2 or _within(interval, forgiven):
                continue
            moves = earlier != later and any(begin <= interval[0] <= end for begin, end in orderly)
            allowed = ORDERLY if moves else UNSEEN
            length = interval[1] - interval[0]
            if length > allowed:
                what = f"{address} is on {' and '.join(sorted(who))} for {length:.3f} s"
                yield Violation("I1", interval[0], what)
            elif length > UNSEEN:
                handed_over += length
        if handed_over > ORDERLY * _handovers(timeline, bounds):
            what = f"{address} is on two nodes again and again, for {handed_over:.3f} s in all"
            yield Violation("I1", timeline.ended, what)


def two_answers(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I1, as clients have it: two machines answer for one address in turn."""
    healed = timeline.marked(Kind.HEALED) if bounds.split else []
    forgiven = [(mark.at - INTERLEAVED, mark.at + bounds.heals) for mark in healed]
    orders = [mark.at for mark in timeline.marked(Kind.ORDER)]
    for address in timeline.addresses:
        answers = [answer for answer in timeline.answers if answer.address == address]
        turns = [(a, b) for a, b in pairwise(answers) if a.hardware != b.hardware]
        for (first, second), (_, third) in pairwise(turns):
            again = third.hardware == first.hardware and third.at - first.at < INTERLEAVED
            ordered_back = any(second.at <= at <= third.at for at in orders)
            if again and not ordered_back and not _within((first.at, third.at), forgiven):
                what = f"{address} is answered for by {first.hardware} and {second.hardware} in turn"
                yield Violation("I1", second.at, what)
                break


def no_owner(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I2, as the kernels have it."""
    forgiven = _unservable(timeline, bounds)
    for address in timeline.addresses:
        for interval, who in timeline.owners(address):
            longest = _outside(interval, forgiven)
            if not who and longest > _allowed(interval, timeline, bounds):
                yield Violation("I2", interval[0], f"{address} has no owner for {longest:.3f} s")


def no_service(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I2, as the client has it."""
    forgiven = _unservable(timeline, bounds)
    for interval in _unanswered(timeline):
        longest = _outside(interval, forgiven)
        if longest > _allowed(interval, timeline, bounds) + _calm_gap(bounds):
            yield Violation("I2", interval[0], f"the client has no answer for {longest:.3f} s")


def not_healed(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I3."""
    for at in _healed(timeline, bounds):
        if at >= timeline.ended:
            yield Violation("I3", at, "the timeline ends before it can be seen whether the pair has healed")
            continue
        for address in timeline.addresses:
            owners = next(who for interval, who in timeline.owners(address) if interval[0] <= at < interval[1])
            handed_over = any(
                not who and interval[0] <= at < interval[1] <= interval[0] + HANDOVER
                for interval, who in timeline.owners(address)
            )
            if len(owners) != 1 and not handed_over:
                whom = " and ".join(sorted(owners)) or "nobody"
                yield Violation("I3", at, f"{address} is on {whom} when the pair should have healed")
            idle = sum(end - max(begin, at) for (begin, end), who in timeline.owners(address) if not who and end > at)
            if idle > HANDOVER * _handovers(timeline, bounds):
                what = f"{address} has no owner for {idle:.3f} s in all after the pair should have healed"
                yield Violation("I3", at, what)
        gaps = [(max(begin, at), end) for begin, end in _unanswered(timeline) if end > at]
        for begin, end in gaps:
            if begin == at and end - begin > _calm_gap(bounds):
                yield Violation("I3", at, "the client is not served when the pair should have healed")
        missed = sum(end - begin for begin, end in gaps if begin > at and end - begin > STILL_GAP + bounds.unserved)
        if missed > (HANDOVER + _calm_gap(bounds)) * _handovers(timeline, bounds):
            what = f"the client is not served for {missed:.3f} s in all after the pair should have healed"
            yield Violation("I3", at, what)


def dead_weight(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I4."""
    for node, real in sorted({(weight.node, weight.real) for weight in timeline.weights}):
        weights = [(w.at, w.weight or 0) for w in timeline.weights if (w.node, w.real) == (node, real)]
        servings = [(s.at, s.serving) for s in timeline.servings if s.real == real.partition(":")[0]]
        instants = sorted({at for at, _ in (*weights, *servings)} | {timeline.ended})
        since: float | None = None
        for begin, end in pairwise(instants):
            dead = not _at(servings, begin, default=True) and _at(weights, begin, default=0) > 0
            since = (begin if since is None else since) if dead else None
            if since is not None and end - since > bounds.dead_weight:
                what = f"{real} is dead and has weight on {node} for more than {bounds.dead_weight:g} s"
                yield Violation("I4", since, what)
                break


def left_behind(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I5."""
    for finding in timeline.left:
        yield Violation("I5", finding.at, f"{finding.node} was stopped and still has {finding.what}")


def growth(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I6, of each process in its life: the least of the last quarter is not above the most of the first."""
    lives: dict[tuple[str, str, int], list[Process]] = defaultdict(list)
    for process in timeline.processes:
        lives[process.node, process.name, process.pid].append(process)
    for (node, name, pid), life in sorted(lives.items()):
        looks = [look for look in life if look.at > look.born + bounds.warm_up]
        quarter = len(looks) // 4
        if quarter == 0:
            continue
        for what, slack, values in (
            ("KiB of memory", bounds.memory, [look.memory for look in looks]),
            ("descriptors", bounds.descriptors, [look.descriptors for look in looks]),
        ):
            before, after = max(values[:quarter]), min(values[-quarter:])
            if after > before + slack:
                text = f"{name} of {node}, pid {pid}, grew from {before} to {after} {what}"
                yield Violation("I6", looks[-quarter].at, text)


def tracebacks(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I7, what was written."""
    for finding in timeline.tracebacks:
        yield Violation("I7", finding.at, f"{finding.node}: {finding.what}")


def ended(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I7: a process of ours is another one than before, and nobody told it to end."""
    if bounds.ends:
        return
    pids: dict[tuple[str, str], set[int]] = {}
    looks = sorted({process.at for process in timeline.processes})
    for at in looks:
        there: dict[tuple[str, str], set[int]] = defaultdict(set)
        for process in timeline.processes:
            if process.at == at:
                there[process.node, process.name].add(process.pid)
        for (node, name), before in sorted(pids.items()):
            if gone := before - there[node, name]:
                yield Violation("I7", at, f"{name} of {node} has ended: pid {', '.join(map(str, sorted(gone)))}")
        pids |= there


def uncaused(timeline: Timeline, bounds: Bounds) -> Iterator[Violation]:
    """I8."""
    causes = [(mark.at, mark.at + bounds.settles) for mark in timeline.marks]
    orders = len(timeline.marked(Kind.ORDER))
    faults = len(timeline.marked(Kind.FAULT))
    for address in timeline.addresses:
        moves = list(_moves(timeline, address))
        for at, before, after in moves:
            if not any(begin <= at <= end for begin, end in causes):
                yield Violation("I8", at, f"{address} goes from {before} to {after} without a cause")
        if len(moves) > bounds.moves * faults + orders:
            where = " -> ".join([moves[0][1], *(after for _, _, after in moves)])
            yield Violation("I8", moves[-1][0], f"{address} moves more often than its causes account for: {where}")


def _moves(timeline: Timeline, address: str) -> Iterator[tuple[float, str, str]]:
    """When the address went from one node to another, also by way of nobody."""
    last = ""
    for interval, who in timeline.owners(address):
        new = who - {last}
        if last and new:
            yield interval[0], last, min(new)
        if who and (new or not last):
            last = min(new) if new else last


def _cut_off(timeline: Timeline, bounds: Bounds) -> list[Interval]:
    """While the nodes could not know of each other."""
    if not bounds.split:
        return []
    if bounds.agrees is None:
        return _lasting(timeline, bounds.heals)
    limits = {Kind.FAULT: bounds.agrees, Kind.HEALED: bounds.heals}
    return [(mark.at, mark.at + limits[mark.kind]) for mark in timeline.marked(*limits)]


def _unservable(timeline: Timeline, bounds: Bounds) -> list[Interval]:
    """While nobody could serve."""
    return _lasting(timeline, bounds.heals) if bounds.outage is None else []


def _lasting(timeline: Timeline, beyond: float) -> list[Interval]:
    """From the first fault to beyond the last repair."""
    faults = timeline.marked(Kind.FAULT)
    repairs = timeline.marked(Kind.HEALED)
    if not faults:
        return []
    return [(faults[0].at, repairs[-1].at + beyond if repairs else timeline.ended)]


def _healed(timeline: Timeline, bounds: Bounds) -> list[float]:
    """When the pair should be whole: after the repair, or after the bound of a fault that nobody repairs, or when the
    tester has seen it at rest before that and has ended the case."""
    repairs = timeline.marked(Kind.HEALED)
    if repairs:
        return [repairs[-1].at + bounds.heals]
    faults = timeline.marked(Kind.FAULT)
    if not faults or bounds.outage is None:
        return []
    return [min(faults[-1].at + bounds.outage + bounds.heals, timeline.ended - UNSEEN)]


def _allowed(interval: Interval, timeline: Timeline, bounds: Bounds) -> float:
    """How long nobody may serve then: the fault's bound, if this is after it; an orderly handover; else nothing."""
    faults, orders = timeline.marked(Kind.FAULT), timeline.marked(Kind.ORDER, Kind.HEALED)
    allowed = UNSEEN
    if any(mark.at <= interval[1] for mark in faults) and bounds.outage is not None:
        allowed = max(allowed, bounds.outage)
    if any(mark.at <= interval[1] <= mark.at + bounds.settles + HANDOVER for mark in orders) and (
        bounds.moves or timeline.marked(Kind.ORDER)
    ):
        allowed = max(allowed, HANDOVER)
    return allowed


def _handovers(timeline: Timeline, bounds: Bounds) -> int:
    """How often an address may change hands, or be put back, in all."""
    return 1 + bounds.moves * len(timeline.marked(Kind.FAULT)) + len(timeline.marked(Kind.ORDER))


def _calm_gap(bounds: Bounds) -> float:
    """How long a client may be without answer through no fault of the pair's."""
    return (CALM_GAP if bounds.moves else STILL_GAP) + bounds.unserved


def _unanswered(timeline: Timeline) -> list[Interval]:
    """The times between two good answers, first and last included. Nothing where no client was asked."""
    if not timeline.requests:
        return []
    good = sorted(request.ended for request in timeline.requests if request.good)
    within = [at for at in good if timeline.began <= at <= timeline.ended]
    return list(pairwise([timeline.began, *within, timeline.ended]))


def _within(interval: Interval, others: list[Interval]) -> bool:
    return any(begin <= interval[0] and interval[1] <= end for begin, end in others)


def _outside(interval: Interval, others: list[Interval]) -> float:
    """The longest part of the interval that is in none of the others."""
    begin, end = interval
    longest, at = 0.0, begin
    for other_begin, other_end in sorted(others):
        longest = max(longest, min(end, other_begin) - at)
        at = max(at, other_end)
    return max(longest, end - at)


def _at(values: list[tuple[float, T]], at: float, default: T) -> T:
    return next((value for since, value in reversed(values) if since <= at), default)
