from __future__ import annotations

import pytest

from hbeat.core.announcements import gratuitous_arp
from hbeat.core.guard import CERTAIN, ENOUGH, ORPHANED, PER_SECOND, Guard
from hbeat.core.model import Resource
from hbeat.core.probes import Claim, advertisement_claim, arp_claim, probe

VIP = Resource("10.1.1.10", "IPaddr", ("10.1.1.10",))
OTHER = Resource("10.1.1.11", "IPaddr", ("10.1.1.11",))
MAC = bytes.fromhex("020000000001")


def asked_until(guard: Guard, end: float, *answering: Resource) -> float:
    """Asks whenever it is time to, until then; who answers does so a millisecond later. The last time."""
    now = guard.next_deadline()
    while now is not None and now <= end:
        for address in guard.due(now):
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
        guard.due(guard.next_deadline() or 0)
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


def test_patient_guard_asks_rarely_and_is_as_fast_when_it_matters() -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    asked_until(guard, 40.0, VIP)
    begun = guard.next_deadline() or 0
    asked = sum(len(guard.due(at / 100)) for at in range(4000, 4010))
    assert asked <= 1
    last = asked_until(guard, begun + 1.0)
    assert guard.is_free([VIP], last)


def asked_for(guard: Guard, rounds: int, held: set[int], there: set[int]) -> None:
    """So many questions; in the rounds of the two sets the address, or its machine, is answered for."""
    for number in range(rounds):
        now = guard.next_deadline() or 0.0
        guard.due(now)
        if number in held:
            guard.answered(VIP, "02:00:00:00:00:09", now)
        if number in there:
            guard.machine_answered(VIP)


ALL = set(range(ORPHANED + 1))


@pytest.mark.parametrize(
    ("held", "there", "orphan"),
    [
        (set(), ALL, True),
        (set(), set(), False),  # nobody is there: that is for deadtime to judge
        (ALL, ALL, False),
        (ALL - {3}, ALL, False),
        ({0}, ALL, False),
        (set(), ALL - {ORPHANED - 1}, False),
    ],
)
def test_address_is_an_orphan_when_its_machine_answers_every_time_and_nobody_for_it(
    held: set[int], there: set[int], orphan: bool
) -> None:
    guard = Guard(3.0)
    guard.watch([VIP], 10.0)
    asked_for(guard, ORPHANED + 1, held, there)
    assert guard.are_orphans([VIP]) is orphan


def test_no_address_is_no_orphan_and_one_of_two_is_not_enough() -> None:
    guard = Guard(3.0)
    assert not guard.are_orphans([])
    guard.watch([VIP, OTHER], 10.0)
    asked_for(guard, ORPHANED + 1, set(), ALL)
    assert not guard.are_orphans([VIP, OTHER])


def test_many_addresses_are_asked_for_more_slowly() -> None:
    addresses = [Resource(f"IPaddr::10.{n // 250}.{n % 250}.1", "IPaddr") for n in range(2000)]
    guard = Guard(3.0)
    guard.watch(addresses, 10.0)
    assert sum(len(guard.due(10.0 + step / 1000)) for step in range(1000)) <= PER_SECOND


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
