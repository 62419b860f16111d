"""Frames that ask who has an address without claiming it, and what an answer looks like.

IPv4: the ARP probe of RFC 5227 section 2.1.1, a request whose sender address is zero. IPv6: the neighbour solicitation
of duplicate address detection (RFC 4862 section 5.4.2), whose source is unspecified. Neither changes the neighbour
tables of those who hear it.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from hbeat.core.announcements import BROADCAST, ETH_P_ARP, ETH_P_IPV6, REQUEST, icmpv6_packet

ETHERNET, ARP, ANSWER = 14, 28, 2
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, TARGET_LINK_LAYER_ADDRESS = 135, 136, 2
UNSPECIFIED = bytes(16)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a frame says of an address (4 or 16 bytes). has: the sender has it; else it asks, being about to take it."""

    address: bytes
    mac: bytes
    has: bool = True


FILTERED = 100
"""Addresses, at most, that a program of the kernel looks for: it may have 4,096 instructions, and older kernels give it
20 KiB (net.core.optmem_max)."""

_RETURN, _LOAD_WORD, _LOAD_HALF, _JUMP_EQUAL, _JUMP_EQUAL_X, _TO_X = 0x06, 0x20, 0x28, 0x15, 0x1D, 0x07
_SENDER_ADDRESS, _TARGET_ADDRESS = ETHERNET + 14, ETHERNET + 24
_WHOLE = 0xFFFF


def probe(mac: bytes, address: str) -> bytes:
    """The frame that asks for an address of either family."""
    ip = ipaddress.ip_address(address).packed
    if len(ip) == 4:
        ethernet = BROADCAST + mac + struct.pack("!H", ETH_P_ARP)
        return ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, REQUEST) + mac + bytes(4) + bytes(6) + ip
    group = bytes.fromhex("ff0200000000000000000001ff") + ip[13:]
    ethernet = b"\x33\x33" + group[12:] + mac + struct.pack("!H", ETH_P_IPV6)
    return ethernet + icmpv6_packet(UNSPECIFIED, group, NEIGHBOUR_SOLICITATION, bytes(4) + ip)


def arp_claim(frame: bytes) -> Claim | None:
    """What the sender of an ARP frame has, or asks for; None for what is no ARP of Ethernet and IPv4.

    An answer and a gratuitous request say who has an address. An ordinary request does not: real servers that have the
    virtual address on their loopback interface send such ones with it, unless arp_announce is set.
    """
    if len(frame) < ETHERNET + ARP or frame[ETHERNET : ETHERNET + 6] != b"\x00\x01\x08\x00\x06\x04":
        return None
    mac, address = frame[ETHERNET + 8 : ETHERNET + 14], frame[_SENDER_ADDRESS : _SENDER_ADDRESS + 4]
    target = frame[_TARGET_ADDRESS : _TARGET_ADDRESS + 4]
    if address == bytes(4):
        return Claim(target, mac, has=False)
    is_answer = int.from_bytes(frame[ETHERNET + 6 : ETHERNET + 8], "big") == ANSWER
    return Claim(address, mac) if is_answer or address == target else None


def advertisement_claim(message: bytes) -> Claim | None:
    """What a neighbour advertisement says, from its ICMPv6 header on; None when it does not name a hardware address."""
    if len(message) < 24 or message[0] != NEIGHBOUR_ADVERTISEMENT:
        return None
    target, options = message[8:24], message[24:]
    while len(options) >= 8 and (length := options[1] * 8):
        if options[0] == TARGET_LINK_LAYER_ADDRESS and length == 8:
            return Claim(target, options[2:8])
        options = options[length:]
    return None


def arp_filter(addresses: list[bytes]) -> bytes:
    """A program for SO_ATTACH_FILTER: ARP frames that claim one of these or ask for it as a probe does (socket(7)).

    With more than FILTERED of them: all frames that claim an address or ask for it in that way, whichever it is;
    ordinary requests, most of what there is, stay in the kernel all the same.
    """
    if len(addresses) > FILTERED:
        return _ANY_CLAIM
    wanted = [int.from_bytes(address, "big") for address in addresses]
    sender, target = (_LOAD_WORD, 0, 0, _SENDER_ADDRESS), (_LOAD_WORD, 0, 0, _TARGET_ADDRESS)
    whole, nothing = (_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)
    equal = [step for number in wanted for step in ((_JUMP_EQUAL, 0, 1, number), whole)]
    program = [sender, *equal, (_JUMP_EQUAL, 1, 0, 0), nothing, target, *equal, nothing]
    return _assembled(program)


def _assembled(program: list[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in program)


_ANY_CLAIM = _assembled(
    [
        (_LOAD_HALF, 0, 0, ETHERNET + 6),
        (_JUMP_EQUAL, 6, 0, ANSWER),
        (_LOAD_WORD, 0, 0, _SENDER_ADDRESS),
        (_JUMP_EQUAL, 4, 0, 0),  # a probe
        (_TO_X, 0, 0, 0),
        (_LOAD_WORD, 0, 0, _TARGET_ADDRESS),
        (_JUMP_EQUAL_X, 1, 0, 0),  # a gratuitous request
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, _WHOLE),
    ]
)
