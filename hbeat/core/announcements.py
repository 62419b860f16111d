"""Frames that tell a network where an address lives now: gratuitous ARP and unsolicited neighbour advertisements.

IPv4 (reference section 7): one request and one reply, alternating, both to everybody, sender and target address the
same. IPv6 (RFC 4861 section 7.2.6): a neighbour advertisement to all nodes with the override flag set.
"""

from __future__ import annotations

import ipaddress
import struct

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2

ALL_NODES_MAC = bytes.fromhex("333300000001")
ALL_NODES = ipaddress.IPv6Address("ff02::1").packed
ICMPV6, NEIGHBOUR_ADVERTISEMENT = 58, 136
OVERRIDE = 0x20
TARGET_LINK_LAYER_ADDRESS = 2


def announcements(address: str, mac: bytes) -> tuple[bytes, bytes]:
    """The two frames that are sent by turns for an address of either family."""
    if ":" in address:
        frame = neighbour_advertisement(mac, address)
        return frame, frame
    return gratuitous_arp(REQUEST, mac, address), gratuitous_arp(REPLY, mac, address)


def gratuitous_arp(operation: int, mac: bytes, address: str) -> bytes:
    """One gratuitous ARP frame for Ethernet."""
    ip = ipaddress.IPv4Address(address).packed
    target = mac if operation == REPLY else b"\0" * 6
    ethernet = BROADCAST + mac + struct.pack("!H", ETH_P_ARP)
    return ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + ip + target + ip


def neighbour_advertisement(mac: bytes, address: str) -> bytes:
    """One unsolicited neighbour advertisement for Ethernet, from the address itself."""
    source = ipaddress.IPv6Address(address).packed
    option = struct.pack("!BB", TARGET_LINK_LAYER_ADDRESS, 1) + mac
    body = struct.pack("!B3x", OVERRIDE) + source + option
    ethernet = ALL_NODES_MAC + mac + struct.pack("!H", ETH_P_IPV6)
    return ethernet + icmpv6_packet(source, ALL_NODES, NEIGHBOUR_ADVERTISEMENT, body)


def icmpv6_packet(source: bytes, target: bytes, kind: int, body: bytes) -> bytes:
    """An IPv6 packet with one ICMPv6 message of neighbour discovery; body: what follows its checksum."""
    head, length = struct.pack("!BB", kind, 0), 4 + len(body)
    pseudo_header = source + target + struct.pack("!I3xB", length, ICMPV6)
    checksum = _checksum(pseudo_header + head + b"\0\0" + body)
    ipv6 = struct.pack("!IHBB", 6 << 28, length, ICMPV6, 255) + source + target
    return ipv6 + head + struct.pack("!H", checksum) + body


def _checksum(data: bytes) -> int:
    """RFC 1071; data has an even length."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
