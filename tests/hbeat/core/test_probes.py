"""The program that picks ARP frames for us: run by the kernel itself, on a socket that needs no rights."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address

import pytest

from hbeat.core.announcements import gratuitous_arp
from hbeat.core.probes import FILTERED, arp_claim, arp_filter, probe

SO_ATTACH_FILTER = 26
MAC = bytes.fromhex("020000000001")
MANY = [ip_address(f"10.{n // 250}.{n % 250}.1").packed for n in range(1100)]
FEW = MANY[:FILTERED]


def from_sender(frame: bytes, sender: bytes, operation: int) -> bytes:
    changed = bytearray(frame)
    changed[20:22] = operation.to_bytes(2, "big")
    changed[28:32] = sender
    return bytes(changed)


def answer(address: str) -> bytes:
    return from_sender(probe(MAC, "10.99.99.99"), ip_address(address).packed, 2)


def request(address: str) -> bytes:
    return from_sender(probe(MAC, "10.99.99.99"), ip_address(address).packed, 1)


def gratuitous(address: str) -> bytes:
    return gratuitous_arp(1, MAC, address)


def question(address: str) -> bytes:
    return probe(MAC, address)


def passes(program: bytes, frame: bytes) -> bool:
    """Whether the kernel gives a frame to a socket with this program."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.setblocking(False)
        held = ctypes.create_string_buffer(program)
        described = struct.pack("@HL", len(program) // 8, ctypes.addressof(held))
        ours.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)
        try:
            theirs.send(frame)
        except PermissionError:  # how this kind of socket tells its sender
            return False
        try:
            return ours.recv(2048) == frame
        except BlockingIOError:
            return False


@pytest.mark.parametrize("addresses", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("kind", [answer, gratuitous, question])
def test_what_is_said_of_an_address_passes(kind: Callable[[str], bytes], addresses: list[bytes]) -> None:
    program = arp_filter(addresses)
    for address in (addresses[0], addresses[50], addresses[-1]):
        frame = kind(str(ip_address(address)))
        assert arp_claim(frame) is not None
        assert passes(program, frame)


@pytest.mark.parametrize("kind", [answer, gratuitous, question])
def test_what_is_said_of_others_stays_in_the_kernel_as_long_as_they_can_be_told_apart_there(
    kind: Callable[[str], bytes],
) -> None:
    assert not passes(arp_filter(FEW), kind("10.77.77.77"))
    assert not passes(arp_filter([]), kind("10.77.77.77"))


def test_ordinary_requests_stay_in_the_kernel_with_any_number_of_addresses() -> None:
    assert not passes(arp_filter(FEW), request("10.77.77.77"))
    assert not passes(arp_filter(MANY), request("10.77.77.77"))


def test_program_is_short_enough_for_any_kernel() -> None:
    assert max(len(arp_filter(MANY[:n])) for n in (0, FILTERED, FILTERED + 1, 1100)) < 4096
