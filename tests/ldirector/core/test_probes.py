from __future__ import annotations

from ldirector.core.events import CancelCheck, CheckSpec, StartCheck
from ldirector.core.negotiate import Probe
from ldirector.core.probes import Probes
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import VIP, real

GOOD = Verdict(Outcome.PASS, Reason.OK)
BAD = Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)
NOT_RUN = Verdict(Outcome.NOT_RUN, Reason.OVERLOADED)
NEGOTIATE = CheckSpec("negotiate", "192.168.2.1", 80, 5.0, service="http", request="/")
CONNECT = CheckSpec("connect", "192.168.2.1", 80, 5.0)
MEMBER = (VIP, real(1).key)


def course(probe: Probe, verdicts: list[Verdict]) -> str:
    """First letters of the methods used while these verdicts come in."""
    probes = Probes()
    probes.replace({probe: [MEMBER]}, 0.0)
    used, now = "", 0.0
    for verdict in verdicts:
        (start,) = probes.start_due(now)
        assert isinstance(start, StartCheck)
        used += start.spec.method[0]
        probes.finished(start.check_id, verdict, now)
        now += probe.interval
    return used


def test_after_a_success_of_negotiate_come_n_connects() -> None:
    assert course(Probe(NEGOTIATE, 1.0, CONNECT, 2), [GOOD] * 7) == "nccnccn"


def test_failed_connect_makes_the_next_check_a_negotiate() -> None:
    assert course(Probe(NEGOTIATE, 1.0, CONNECT, 3), [GOOD, GOOD, BAD, GOOD, GOOD]) == "nccnc"


def test_failed_negotiate_is_repeated() -> None:
    assert course(Probe(NEGOTIATE, 1.0, CONNECT, 3), [BAD, BAD, GOOD, GOOD]) == "nnnc"


def test_check_that_was_not_made_keeps_its_turn() -> None:
    assert course(Probe(NEGOTIATE, 1.0, CONNECT, 1), [GOOD, NOT_RUN, GOOD, GOOD]) == "nccn"


def test_plain_probe_uses_its_one_check() -> None:
    assert course(Probe(CONNECT, 1.0), [GOOD, BAD, GOOD]) == "ccc"


def test_probe_that_is_no_longer_wanted_is_cancelled_and_its_result_is_stale() -> None:
    probes = Probes()
    probes.replace({Probe(CONNECT, 1.0): [MEMBER]}, 0.0)
    (start,) = probes.start_due(0.0)
    assert isinstance(start, StartCheck)
    assert probes.replace({}, 0.0) == [CancelCheck(start.check_id)]
    assert not probes.is_in_flight(start.check_id)
    assert probes.next_due() is None


def test_all_answered_needs_a_verdict_of_each() -> None:
    probes = Probes()
    probes.replace({Probe(CONNECT, 1.0): [MEMBER]}, 0.0)
    assert not probes.all_answered()
    (start,) = probes.start_due(0.0)
    assert isinstance(start, StartCheck)
    probes.finished(start.check_id, NOT_RUN, 0.0)
    assert not probes.all_answered()
    (start,) = probes.start_due(1.0)
    assert isinstance(start, StartCheck)
    probes.finished(start.check_id, BAD, 1.0)
    assert probes.all_answered()


def test_ids_are_never_used_twice() -> None:
    probes = Probes()
    probe = Probe(CONNECT, 1.0)
    ids = []
    for now in (0.0, 1.0, 2.0):
        probes.replace({probe: [MEMBER]}, now)
        (start,) = probes.start_due(now)
        assert isinstance(start, StartCheck)
        ids.append(start.check_id)
        probes.replace({}, now)
    assert len(set(ids)) == 3


def test_second_result_of_a_check_is_stale() -> None:
    probes = Probes()
    probes.replace({Probe(CONNECT, 1.0): [MEMBER]}, 0.0)
    (start,) = probes.start_due(0.0)
    assert isinstance(start, StartCheck)
    assert probes.finished(start.check_id, GOOD, 0.0)
    assert not probes.is_in_flight(start.check_id)


def test_probe_that_stays_keeps_its_place_in_the_schedule() -> None:
    probes = Probes()
    probe = Probe(CONNECT, 10.0)
    probes.replace({probe: [MEMBER]}, 0.0)
    (start,) = probes.start_due(0.0)
    assert isinstance(start, StartCheck)
    probes.replace({probe: [MEMBER]}, 3.0)
    assert probes.next_due() is None
    probes.finished(start.check_id, GOOD, 3.0)
    assert probes.next_due() == 10.0


def one_started() -> tuple[Probes, Probe, StartCheck]:
    probes, probe = Probes(), Probe(CONNECT, 10.0)
    probes.replace({probe: [MEMBER]}, 0.0)
    (start,) = probes.start_due(0.0)
    assert isinstance(start, StartCheck)
    return probes, probe, start


def test_probe_waits_for_more_turns_when_it_is_told_to() -> None:
    probes, _, start = one_started()
    probes.finished(start.check_id, GOOD, 1.0, turns=4)
    assert probes.next_due() == 40.0


def test_hurried_probe_comes_earlier_and_then_in_its_old_phase() -> None:
    probes, probe, start = one_started()
    probes.finished(start.check_id, GOOD, 1.0)
    probes.hurry(probe, 3.0)
    probes.hurry(probe, 5.0)
    assert probes.next_due() == 3.0
    (again,) = probes.start_due(3.0)
    assert isinstance(again, StartCheck)
    probes.finished(again.check_id, GOOD, 3.1)
    assert probes.next_due() == 10.0


def test_doubt_during_a_check_has_it_made_once_more() -> None:
    probes, probe, start = one_started()
    probes.doubt(probe, 1.0)
    assert probes.next_due() is None
    probes.finished(start.check_id, GOOD, 2.0)
    assert probes.next_due() == 2.0


def test_probe_at_rest_is_not_made_and_does_not_keep_us_from_being_ready() -> None:
    probes, probe = Probes(), Probe(CONNECT, 10.0)
    probes.replace({probe: [MEMBER]}, 0.0)
    probes.rest({probe}, 0.0)
    assert probes.start_due(0.0) == []
    assert probes.all_answered()
    assert probes.next_due() == 10.0
    probes.rest((), 4.0)
    assert not probes.all_answered()
    assert probes.next_due() == 4.0
