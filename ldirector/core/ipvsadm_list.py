"""A table as `ipvsadm -Ln` prints it (ipvsadm 1.31), byte for byte, so that `diff` can compare it with the kernel's.

The order is ipvsadm's: marks last, IPv4 first, tcp before udp; addresses by the sign of their difference in 32 bits,
which puts 200.1.1.9 in front of 9.1.1.10. The first line says what every kernel says whose table has the default size;
the connections are 0, because a table that nobody uses has none.
"""

from __future__ import annotations

from functools import cmp_to_key
from ipaddress import ip_address

from ldirector.core.model import (
    Forwarding,
    Protocol,
    RealKey,
    Table,
    VirtualKey,
    VirtualState,
    real_name,
    virtual_label,
)

HEADINGS = (
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
)

_LISTED = {Forwarding.GATE: "Route", Forwarding.MASQ: "Masq", Forwarding.IPIP: "Tunnel"}


def as_listed(table: Table) -> list[str]:
    """The lines, with the headings."""
    lines = list(HEADINGS)
    for key in sorted(table, key=cmp_to_key(_compare_virtuals)):
        service = table[key]
        lines.append(f"{key.protocol.upper():<4} {virtual_label(key)} {_state(service.state)}")
        for real in sorted(service.reals, key=cmp_to_key(_compare_reals)):
            to = service.reals[real]
            lines.append(f"  -> {real_name(real):<28} {_LISTED[to.forwarding]:<7} {to.weight:<6} {0:<10} {0:<10}")
    return lines


def _compare_virtuals(one: VirtualKey, other: VirtualKey) -> int:
    if difference := one.mark - other.mark or one.family - other.family:
        return difference
    if difference := _number(one.protocol) - _number(other.protocol):
        return difference
    return _compare_addresses(one.address, other.address) or one.port - other.port


def _number(protocol: str) -> int:
    return {Protocol.TCP.value: 6, Protocol.UDP.value: 17}.get(protocol, 0)


def _compare_reals(one: RealKey, other: RealKey) -> int:
    return _compare_addresses(one.address, other.address) or one.port - other.port


def _compare_addresses(one: str, other: str) -> int:
    """By the first 32 bits that differ."""
    for left, right in zip(_quarters(one), _quarters(other), strict=False):
        if left != right:
            return -1 if (left - right) % 2**32 >= 2**31 else 1
    return 0


def _quarters(address: str) -> list[int]:
    packed = ip_address(address).packed if address else b""
    return [int.from_bytes(packed[start : start + 4], "big") for start in range(0, len(packed), 4)]


def _state(state: VirtualState) -> str:
    words = [state.scheduler]
    if state.schedflags:
        words.append(f"({','.join(state.schedflags)})")
    if state.persistent:
        words.append(f"persistent {state.persistent}")
    if state.netmask:
        words.append(f"mask {state.netmask}")
    if state.ops:
        words.append("ops")
    return " ".join(words)
