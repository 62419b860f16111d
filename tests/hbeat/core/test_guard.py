from __future__ import annotations

import pytest

from hbeat.core.announcements import gratuitous_arp
from hbeat.core.events import Asked
from hbeat.core.guard import CERTAIN, ENOUGH, ORPHANED, PER_SECOND, Guard
from hbeat.core.model import Resource
from hbeat.core.probes import Claim, advertisement_claim, arp_claim, probe

VIP = Resource("10.1.1.10", "IPaddr", ("10.1.1.10",))
OTHER = Resource("10.1.1.11", "IPaddr", ("10.1.1.11",))
MAC = bytes.fromhex("020000000001")


def ask(guard: Guard, now: float, asked: Asked = Asked.SENT) -> list[Resource]:
    """One round of questions, with which this becomes of each."""
    due = guard.due(now)
    for address in due:
        guard.asked(address, asked, now)
    return due


def asked_until(guard: Guard, end: float, *answering: Resource) -> float:
    """Asks whenever it is time to, until then; who answers does so a millisecond later. The last time."""
    now = guard.next_deadline()
    while now is not None and now <= end:
        for address in ask(guard, now):
            if address in answering:
                guard.answered(address, "02:00:00:00:00:09", now + 0.001)
        last, now = now, guard.next_deadline()
    return last


@pytest.mark.parametrize("deadtime", [0.04, 0.1, 0.4, 1.0, 3.0, 30.0])
def test_answer_is_known_within_a_quarter_of_deadtime(deadtime: float) -> None:
    guard = Guard(deadtime)
    guard.watch([VIP], 10.0)
    asked_until(guard, 10.0 + deadtime * 0.3)
    assert guard.is_free([VIP], 10.0 + deadtime * 0.3)


def test_nothing_is_free_before_three_questions_and_the_window() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    assert not guard.is_free([VIP], 99.0)
    for _ in range(ENOUGH):
        ask(guard, guard.next_deadline() or 0)
    assert not guard.is_free([VIP], 10.0 + guard.window - 0.01)
    assert guard.is_free([VIP], 10.0 + guard.window)


def test_one_address_that_is_answered_for_is_enough() -> None:
    guard = Guard(3.0)
    guard.watch([OTHER, VIP], 10.0)
    last = asked_until(guard, 12.0, VIP)
    assert not guard.is_free([OTHER, VIP], last)
    assert guard.is_free([OTHER], last)
    assert guard.holders() == {VIP: "02:00:00:00:00:09"}


def test_address_that_falls_silent_becomes_free() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    asked_until(guard, 12.0, VIP)
    last = asked_until(guard, 12.6)
    assert guard.is_free([VIP], last)


def test_address_whose_owner_lived_a_moment_ago_has_to_be_silent_for_longer() -> None:
    guard = Guard(0.3)
    guard.watch([VIP], 10.0)
    asked_until(guard, 11.0, VIP)
    assert not guard.is_free([VIP], asked_until(guard, 11.0 + CERTAIN - 0.05))
    assert guard.is_free([VIP], asked_until(guard, 11.0 + CERTAIN + 0.05))


def test_question_that_could_not_be_sent_proves_nothing_for_however_long() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    while (now := guard.next_deadline() or 0.0) < 100.0:
        ask(guard, now, Asked.UNSENT)
    assert not guard.is_free([VIP], 100.0)
    assert guard.is_free([VIP], asked_until(guard, 100.0 + guard.window + 0.02))


def test_questions_that_were_sent_count_beside_those_that_were_not() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    for number in range(100):
        now = guard.next_deadline() or 0.0
        ask(guard, now, Asked.SENT if number % 20 == 0 else Asked.UNSENT)
    assert guard.is_free([VIP], now)


def test_address_without_a_place_keeps_nobody_waiting_for_longer_than_one_that_is_asked_for() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    ask(guard, 10.0, Asked.NOWHERE)
    assert not guard.is_free([VIP], 10.0 + guard.window - 0.01)
    assert guard.is_free([VIP], 10.0 + guard.window)


@pytest.mark.parametrize("asked", [Asked.SENT, Asked.UNSENT])
def test_address_that_gets_a_place_is_asked_for_from_the_beginning(asked: Asked) -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    while (now := guard.next_deadline() or 0.0) < 12.0:
        ask(guard, now, Asked.NOWHERE)
    ask(guard, now, asked)
    assert not guard.is_free([VIP], now)
    assert not guard.is_free([VIP], now + guard.window)


def test_address_without_a_place_that_somebody_claims_is_held() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    ask(guard, 10.0, Asked.NOWHERE)
    guard.answered(VIP, "02:00:00:00:00:09", 11.0)
    ask(guard, 11.0, Asked.NOWHERE)
    assert not guard.is_free([VIP], 11.0 + CERTAIN - 0.01)


def test_addresses_that_came_one_after_the_other_are_asked_for_together() -> None:
    guard = Guard(3.0)
    rounds = []
    for number in range(1, 11):
        now = 10.0 + number * 0.003
        guard.watch([VIP, OTHER, *(Resource(f"10.1.2.{n}", "IPaddr") for n in range(number))], now)
        ask(guard, now)
    while (now := guard.next_deadline() or 0.0) < 10.5:
        rounds.append(len(ask(guard, now)))
    assert rounds[-20:] == [12] * 20


def test_first_seconds_of_answers_are_asked_for_at_full_rate() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    rates = []
    for second in range(11, 18):
        asked = 0
        while (now := guard.next_deadline() or 0.0) < second:
            for address in ask(guard, now):
                guard.answered(address, "02:00:00:00:00:09", now + 0.001)
            asked += 1
        rates.append(asked)
    assert all(99 <= rate <= 101 for rate in rates[:3])  # a lease of two seconds would have run out by now
    assert all(19 <= rate <= 25 for rate in rates[3:5])
    assert all(3 <= rate <= 5 for rate in rates[5:])


def test_patient_guard_asks_rarely_and_is_as_fast_when_it_matters() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    asked_until(guard, 40.0, VIP)
    begun = guard.next_deadline() or 0
    asked = sum(len(ask(guard, at / 100)) for at in range(4000, 4010))
    assert asked <= 1
    last = asked_until(guard, begun + 1.0)
    assert guard.is_free([VIP], last)


def asked_for(guard: Guard, rounds: int, held: set[int], there: set[int], sent: set[int]) -> None:
    """So many rounds; in those of the sets the address, or its machine, is answered for, and the question is sent."""
    for number in range(rounds):
        now = guard.next_deadline() or 0.0
        ask(guard, now, Asked.SENT if number in sent else Asked.UNSENT)
        if number in held:
            guard.answered(VIP, "02:00:00:00:00:09", now)
        if number in there:
            guard.machine_answered(VIP)


ALL = set(range(ORPHANED + 1))


@pytest.mark.parametrize(
    ("held", "there", "sent", "orphan"),
    [
        (set(), ALL, ALL, True),
        (set(), set(), ALL, False),  # nobody is there: that is for deadtime to judge
        (ALL, ALL, ALL, False),
        (ALL - {3}, ALL, ALL, False),
        ({0}, ALL, ALL, False),
        (set(), ALL - {ORPHANED - 1}, ALL, False),
        (set(), ALL, ALL - {ORPHANED - 1}, False),  # the machine was asked for another address of that interface
        (set(), ALL, set(), False),
    ],
)
def test_address_is_an_orphan_when_its_machine_answers_every_time_and_nobody_for_it(
    held: set[int], there: set[int], sent: set[int], orphan: bool
) -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    asked_for(guard, ORPHANED + 1, held, there, sent)
    assert guard.are_orphans([VIP]) is orphan


def test_no_address_is_no_orphan_and_one_of_two_is_not_enough() -> None:
    guard = Guard(3.0)
    assert not guard.are_orphans([])
    guard.watch([VIP, OTHER], 10.0)
    asked_for(guard, ORPHANED + 1, set(), ALL, ALL)
    assert not guard.are_orphans([VIP, OTHER])


def test_many_addresses_are_asked_for_more_slowly() -> None:
    addresses = [Resource(f"IPaddr::10.{n // 250}.{n % 250}.1", "IPaddr") for n in range(2000)]
    guard = Guard(3.0)
    guard.watch(addresses, 10.0)
    assert sum(len(ask(guard, 10.0 + step / 1000)) for step in range(1000)) <= PER_SECOND


def test_what_is_not_asked_about_is_not_free() -> None:
    assert not Guard(3.0).is_free([VIP], 1.0)


def test_arp_probe_claims_nothing_and_is_read_as_a_question() -> None:
    frame = probe(MAC, "10.1.1.10")
    assert frame[28:32] == bytes(4)  # no sender address (RFC 5227): nobody's table changes
    assert arp_claim(frame) == Claim(bytes([10, 1, 1, 10]), MAC, has=False)


def test_arp_answer_is_a_claim_of_its_sender() -> None:
    frame = bytearray(probe(MAC, "10.1.1.2"))
    frame[28:32] = bytes([10, 1, 1, 10])
    assert arp_claim(bytes(frame)) is None  # an ordinary request, as a real server may send it with the address
    frame[21] = 2
    assert arp_claim(bytes(frame)) == Claim(bytes([10, 1, 1, 10]), MAC)
    assert arp_claim(bytes(frame[:41])) is None


@pytest.mark.parametrize("operation", [1, 2])
def test_gratuitous_arp_is_a_claim(operation: int) -> None:
    assert arp_claim(gratuitous_arp(operation, MAC, "10.1.1.10")) == Claim(bytes([10, 1, 1, 10]), MAC)


def test_neighbour_solicitation_is_that_of_duplicate_address_detection() -> None:
    frame = probe(MAC, "fd00::a:b:c")
    assert frame[:6] == bytes.fromhex("3333ff0b000c")
    assert frame[22:38] == bytes(16)
    assert frame[38:54] == bytes.fromhex("ff0200000000000000000001ff0b000c")
    assert frame[54] == 135
    total = sum(int.from_bytes(frame[i : i + 2], "big") for i in range(22, len(frame), 2)) + len(frame[54:]) + 58
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF  # the checksum of RFC 4443 section 2.3


def test_neighbour_advertisement_is_a_claim_when_it_names_a_hardware_address() -> None:
    body = bytes([136, 0, 0, 0, 0, 0, 0, 0]) + bytes(range(16))
    assert advertisement_claim(body + b"\x02\x01" + MAC) == Claim(bytes(range(16)), MAC)
    assert advertisement_claim(body) is None
    assert advertisement_claim(body + b"\x02\x00" + MAC) is None
