from __future__ import annotations

import json

from tests.faults.checker import Violation
from tests.faults.drawing import draw
from tests.faults.timeline import Change, Kind, Mark, Request, Timeline

VIP = "10.1.1.10"
SEEN = Timeline(
    100.0,
    110.0,
    (VIP,),
    marks=(Mark(102.0, Kind.FAULT, "power-off"), Mark(106.5, Kind.HEALED, "boot")),
    changes=(
        Change(100.0, VIP, "a", True),
        Change(102.0, VIP, "a", False),
        Change(104.0, VIP, "b", True),
        Change(107.1, VIP, "a", True),
        Change(107.9, VIP, "b", False),
    ),
    requests=tuple(Request(100 + n / 10, 100.05 + n / 10, not 20 <= n < 45) for n in range(100)),
)


def test_drawing_shows_owners_service_marks_and_violations() -> None:
    drawn = draw(SEEN, [Violation("I1", 107.1, "two owners")], width=10)
    assert drawn.splitlines() == [
        "10.00 s, 1.000 s a column; 1 = a, 2 = b; X two owners, - nobody",
        "      done |  F   H   |",
        " 10.1.1.10 |11--222X11|",
        "    client |..--o.....|",
        "violations |       ^  |",
        "    2.000 fault: power-off",
        "    6.500 healed: boot",
        "10.1.1.10: 0.000 a  2.000 nobody  4.000 b  7.100 a+b  7.900 a",
        "    7.100 I1 violated: two owners",
    ]


def test_timeline_is_written_as_json() -> None:
    written = json.loads(SEEN.as_json())
    assert written["marks"][0] == {"at": 102.0, "kind": "fault", "what": "power-off"}
    assert len(written["changes"]) == 5
