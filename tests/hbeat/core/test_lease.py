from __future__ import annotations

import pytest

from hbeat.core.lease import Clocks, Leases, Standing
from hbeat.core.model import Safety, Timing
from hbeat.core.rtnetlink import addresses, removal, removed, renewal
from hbeat.core.stall import Sleep, longest_nap

VIP = Standing(b"\x0a\x01\x01\x0a", 24, 3)


def at(seconds: float, suspended: float = 0.0) -> Clocks:
    return Clocks(100 + seconds, 5000 + seconds + suspended)


@pytest.fixture
def leases() -> Leases:
    made = Leases(1)
    made.begun(VIP, at(0))
    return made


def test_lease_is_renewed_five_times_in_its_time(leases: Leases) -> None:
    assert leases.next_deadline() == pytest.approx(100.2)
    assert leases.due(at(0.19)) == []
    assert leases.due(at(0.2)) == [VIP]


def test_late_renewal_never_happens(leases: Leases) -> None:
    assert leases.may_renew(VIP, at(0.5))
    assert not leases.may_renew(VIP, at(0.51))
    assert leases.lost(at(0.5)) == []
    assert leases.lost(at(0.51)) == [VIP]
    assert leases.due(at(9)) == []


def test_time_in_which_the_machine_was_suspended_counts(leases: Leases) -> None:
    assert leases.lost(at(0.01, suspended=3600)) == [VIP]


def test_lease_runs_from_the_question_not_from_the_answer(leases: Leases) -> None:
    assert leases.renewed(VIP, at(0.2), at(0.4))
    assert leases.next_deadline() == pytest.approx(100.4)


def test_process_that_slept_between_question_and_answer_has_lost_the_address(leases: Leases) -> None:
    assert not leases.renewed(VIP, at(0.2), at(8))


def test_refused_renewal_is_tried_again_after_a_fiftieth_of_the_lease_and_told_once(leases: Leases) -> None:
    assert leases.refused(VIP, at(0.2))
    assert leases.next_deadline() == pytest.approx(100.22)
    assert leases.due(at(0.21)) == []
    assert leases.due(at(0.221)) == [VIP]
    assert not leases.refused(VIP, at(0.221))
    assert leases.renewed(VIP, at(0.25), at(0.25))
    assert leases.next_deadline() == pytest.approx(100.45)
    assert leases.refused(VIP, at(0.45))


def test_lease_that_is_refused_to_its_end_is_lost_at_its_half(leases: Leases) -> None:
    attempts = 0
    while not (lost := leases.lost(at((leases.next_deadline() or 0) + 0.001 - 100))):
        assert leases.due(at((leases.next_deadline() or 0) + 0.001 - 100)) == [VIP]
        leases.refused(VIP, at((leases.next_deadline() or 0) + 0.001 - 100))
        attempts += 1
    assert lost == [VIP]
    assert 10 <= attempts <= 20
    assert (leases.next_deadline(), leases.due(at(9))) == (None, [])


def test_no_lease_is_never_due_and_never_lost() -> None:
    leases = Leases(None)
    leases.begun(VIP, at(0))
    assert (leases.next_deadline(), leases.due(at(9)), leases.lost(at(9))) == (None, [], [])


def test_address_that_is_removed_by_us_is_not_renewed(leases: Leases) -> None:
    leases.ended(VIP)
    assert leases.due(at(1)) == []


def test_removed_addresses_are_read_back() -> None:
    gone = removal(VIP) + removal(Standing(bytes(range(16)), 64, 9))
    assert list(removed(gone)) == [VIP, Standing(bytes(range(16)), 64, 9)]
    assert list(removed(renewal(VIP, 1))) == []


def test_an_address_with_a_peer_is_another_one() -> None:
    with_peer = Standing(VIP.packed, 24, 3, peer=b"\x0a\x01\x01\x63")
    assert with_peer != VIP
    assert list(removed(removal(with_peer))) == [with_peer]


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_news_that_are_cut_short_say_nothing(cut: int) -> None:
    assert list(removed(removal(VIP)[:cut])) in ([], [VIP])
    assert [address.standing for address in addresses(renewal(VIP, 1)[:cut])] in ([], [VIP])


def test_sleep_is_the_time_beyond_the_deadline() -> None:
    sleep = Sleep(at(0))
    assert sleep.woke(100.5, at(0.3)) == pytest.approx(0)
    assert sleep.woke(100.5, at(8.5)) == pytest.approx(8)


def test_suspended_machine_has_slept_though_its_monotonic_clock_has_not() -> None:
    sleep = Sleep(at(0))
    assert sleep.woke(101, at(0.1, suspended=60)) == pytest.approx(60)


def test_deadline_that_was_missed_before_counts_once() -> None:
    sleep = Sleep(at(0))
    sleep.woke(100.1, at(5))
    assert sleep.woke(100.1, at(5.01)) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("safety", "deadtime", "nap"),
    [(Safety(), 3, 0.5), (Safety(), 0.4, 0.2), (Safety(vip_lease=None), 3, 1.5), (Safety(stall_rule=False), 3, 1e999)],
)
def test_longest_nap_is_half_of_lease_or_deadtime(safety: Safety, deadtime: float, nap: float) -> None:
    assert longest_nap(safety, Timing(deadtime=deadtime)) == nap
