from __future__ import annotations

import struct
from ipaddress import IPv6Address

from hbeat.core.announcements import REPLY, REQUEST, announcements, gratuitous_arp

MAC = bytes.fromhex("0200c0a80101")
VIP = bytes([10, 1, 1, 10])


def test_request_and_reply_are_those_of_the_reference() -> None:
    for operation, target in ((REQUEST, bytes(6)), (REPLY, MAC)):
        made = gratuitous_arp(operation, MAC, "10.1.1.10")
        assert made[:14] == b"\xff" * 6 + MAC + b"\x08\x06"
        assert made[14:22] == bytes([0, 1, 8, 0, 6, 4, 0, operation])
        assert made[22:] == MAC + VIP + target + VIP


def test_ipv6_address_is_advertised_to_all_nodes_and_overrides_what_they_know() -> None:
    made, again = announcements("2001:db8::10", MAC)
    assert made == again
    assert made[:14] == bytes.fromhex("333300000001") + MAC + b"\x86\xdd"
    header, icmp = made[14:54], made[54:]
    assert (header[0] >> 4, header[6], header[7], len(icmp)) == (6, 58, 255, struct.unpack("!H", header[4:6])[0])
    assert IPv6Address(header[8:24]) == IPv6Address("2001:db8::10")
    assert IPv6Address(header[24:40]) == IPv6Address("ff02::1")
    assert (icmp[0], icmp[4]) == (136, 0x20)
    assert IPv6Address(icmp[8:24]) == IPv6Address("2001:db8::10")
    assert icmp[24:] == bytes([2, 1]) + MAC


def test_checksum_makes_the_sum_of_the_packet_all_ones() -> None:
    made = announcements("fd00::1234:5678", MAC)[0]
    header, icmp = made[14:54], made[54:]
    summed = header[8:40] + struct.pack("!II", len(icmp), 58) + icmp
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
