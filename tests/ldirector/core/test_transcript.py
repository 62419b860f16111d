from __future__ import annotations

import pytest

from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    Level,
    OpFailure,
    SetReal,
    SetVirtual,
    TableOp,
)
from ldirector.core.health import State
from ldirector.core.model import Forwarding, RealKey, RealState, VirtualKey, VirtualState
from ldirector.core.transcript import Transition, failure_note, op_notes, op_words, reason_words
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import FALLBACK, VIP, real, virtual

WEB1 = RealKey("192.168.2.1", 80)
STRANGER = RealKey("192.168.2.200", 80)
HERE = {VIP: virtual(real(1, 5), fallback=FALLBACK)}
REALS = {(VIP, WEB1)}
UP = Transition(VIP, WEB1, State.DOWN, State.UP, "ok, 3 ms")
DOWN = Transition(VIP, WEB1, State.UP, State.DOWN, "connection refused, 1 ms")


def masq(weight: int) -> RealState:
    return RealState(Forwarding.MASQ, weight)


@pytest.mark.parametrize(
    ("op", "transition", "line"),
    [
        (AddVirtual(VIP, VirtualState()), None, "Added virtual server: 10.1.1.10:80"),
        (AddVirtual(VirtualKey("fwm", 4, "", 0, 7), VirtualState()), None, "Added virtual server: 7"),
        (AddVirtual(VirtualKey("fwm", 6, "", 0, 7), VirtualState()), None, "Added virtual server: 7 IPv6"),
        (SetVirtual(VIP, VirtualState()), None, "Changed virtual server: 10.1.1.10:80"),
        (DeleteVirtual(VIP), None, "Purged virtual server (reload): 10.1.1.10:80"),
        (
            AddReal(VIP, WEB1, masq(5)),
            UP,
            "Added real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 5): down -> up (ok, 3 ms)",
        ),
        (
            SetReal(VIP, WEB1, masq(5)),
            UP,
            "Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 5): down -> up (ok, 3 ms)",
        ),
        (
            SetReal(VIP, WEB1, masq(0)),
            DOWN,
            "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0): "
            "up -> down (connection refused, 1 ms)",
        ),
        (
            DeleteReal(VIP, WEB1),
            DOWN,
            "Deleted real server: 192.168.2.1:80 (10.1.1.10:80): up -> down (connection refused, 1 ms)",
        ),
        (
            SetReal(VIP, WEB1, masq(7)),
            None,
            "Changed real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 7): reload",
        ),
        (
            DeleteReal(VIP, STRANGER),
            None,
            "Purged real server (reload): 192.168.2.200:80 (10.1.1.10:80): it is not in the configuration",
        ),
        (
            AddReal(VIP, FALLBACK.key, RealState(Forwarding.GATE, 1)),
            None,
            "Added fallback server: 127.0.0.1:80 (10.1.1.10:80) (Weight set to 1): no real server is up",
        ),
        (
            DeleteReal(VIP, FALLBACK.key),
            None,
            "Deleted fallback server: 127.0.0.1:80 (10.1.1.10:80): a real server is up",
        ),
    ],
)
def test_line_starts_as_monitoring_expects_and_ends_with_the_reason(
    op: TableOp, transition: Transition | None, line: str
) -> None:
    (note,) = op_notes([op], [transition] if transition else [], HERE, REALS, "reload", "")
    assert note.text == line


def test_transition_without_an_operation_has_a_line_too() -> None:
    (note,) = op_notes([], [DOWN], HERE, REALS, "check", "the table stays as it is")
    assert note.text == (
        "Real server: 192.168.2.1:80 (10.1.1.10:80): up -> down (connection refused, 1 ms): the table stays as it is"
    )
    assert note.level is Level.WARNING


def test_reason_has_its_detail_and_its_time() -> None:
    assert reason_words(Verdict(Outcome.FAIL, Reason.WRONG_STATUS, "503", 0.0121)) == "wrong status, 503, 12 ms"
    assert reason_words(Verdict(Outcome.PASS, Reason.OK)) == "ok, 0 ms"


def test_failures_of_one_virtual_are_one_line() -> None:
    failures = [OpFailure(SetReal(VIP, WEB1, masq(1)), 2, "ENOENT"), OpFailure(DeleteReal(VIP, WEB1), 2, "ENOENT")]
    assert failure_note(failures, 4.0).text == (
        "Virtual server 10.1.1.10:80: the kernel refused changing 192.168.2.1:80 (masq, weight 1): ENOENT (errno 2) "
        "(and 1 more): planning it again in 4 s"
    )


def test_every_operation_has_words() -> None:
    state = VirtualState()
    ops: list[TableOp] = [
        AddVirtual(VIP, state),
        SetVirtual(VIP, state),
        DeleteVirtual(VIP),
        AddReal(VIP, WEB1, masq(1)),
        SetReal(VIP, WEB1, masq(1)),
        DeleteReal(VIP, WEB1),
    ]
    assert len({op_words(op) for op in ops}) == 6
