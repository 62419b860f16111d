"""A case as text, for who has to find out why it failed: who had each address, whom the client got, what was done.

One column is a part of the case's time. A row of an address has `1` or `2` for its only owner, `X` for two, `-` for
nobody; the client's row has `.` for good answers alone, `o` where some requests failed, `-` where all did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.faults.checker import Violation
from tests.faults.timeline import Interval, Kind, Timeline

WIDTH = 100
SIGNS = {Kind.FAULT: "F", Kind.HEALED: "H", Kind.ORDER: "O"}


def draw(timeline: Timeline, violations: Sequence[Violation] = (), width: int = WIDTH) -> str:
    """The drawing, with what was done and what was wrong below it."""
    span = max(timeline.ended - timeline.began, 1e-9)
    columns = [
        (timeline.began + span * number / width, timeline.began + span * (number + 1) / width)
        for number in range(width)
    ]
    nodes = sorted({change.node for change in timeline.changes})
    label = max(map(len, ("violations", *timeline.addresses)))
    rows = [("done", _marks(timeline, columns))]
    rows += [(address, _owners(timeline, address, nodes, columns)) for address in timeline.addresses]
    if timeline.requests:
        rows.append(("client", _client(timeline, columns)))
    if violations:
        rows.append(("violations", _places([violation.at for violation in violations], "^", columns)))
    legend = ", ".join(f"{number} = {node}" for number, node in enumerate(nodes, 1))
    lines = [f"{span:.2f} s, {span / width:.3f} s a column; {legend}; X two owners, - nobody"]
    lines += [f"{name:>{label}} |{cells}|" for name, cells in rows]
    lines += [f"{mark.at - timeline.began:9.3f} {mark.kind.value}: {mark.what}" for mark in timeline.marks]
    for address in timeline.addresses:
        owned = timeline.owners(address)
        steps = (f"{begin - timeline.began:.3f} {'+'.join(sorted(who)) or 'nobody'}" for (begin, _), who in owned)
        lines.append(f"{address}: {'  '.join(steps)}")
    lines += [f"{one.at - timeline.began:9.3f} {one.invariant} violated: {one.what}" for one in violations]
    return "\n".join(lines)


def _owners(timeline: Timeline, address: str, nodes: list[str], columns: list[Interval]) -> str:
    owned = timeline.owners(address)
    cells = []
    for begin, end in columns:
        seen = [who for interval, who in owned if interval[0] < end and interval[1] > begin]
        if any(len(who) > 1 for who in seen):
            cells.append("X")
        elif not all(seen):
            cells.append("-")
        else:
            cells.append(str(nodes.index(min(seen[-1])) + 1) if seen else " ")
    return "".join(cells)


def _client(timeline: Timeline, columns: list[Interval]) -> str:
    cells = []
    for begin, end in columns:
        good = {request.good for request in timeline.requests if begin <= request.ended < end}
        cells.append({frozenset([True]): ".", frozenset([False]): "-", frozenset(): " "}.get(frozenset(good), "o"))
    return "".join(cells)


def _marks(timeline: Timeline, columns: list[Interval]) -> str:
    cells = [" "] * len(columns)
    for mark in timeline.marks:
        for number in _hit([mark.at], columns):
            cells[number] = SIGNS[mark.kind]
    return "".join(cells)


def _places(instants: Iterable[float], sign: str, columns: list[Interval]) -> str:
    hit = _hit(instants, columns)
    return "".join(sign if number in hit else " " for number in range(len(columns)))


def _hit(instants: Iterable[float], columns: list[Interval]) -> set[int]:
    """The columns that these instants are in."""
    first, width = columns[0][0], columns[0][1] - columns[0][0]
    return {min(max(int((at - first) / width), 0), len(columns) - 1) for at in instants}
