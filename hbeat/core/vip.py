"""The argument of an IPaddr resource: `ip[/mask[/nic[:label]][/broadcast]]` (reference section 7).

All forms are read; what is left out (interface, mask, broadcast) is for the machine's routes to tell, as
heartbeat's documentation promises, and stays None here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_FORM = "ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]], such as 10.1.1.10/24/eth0"
_CURE = f"write {_FORM}"
IFNAMSIZ = 15
"""Bytes the kernel allows for an interface and its label together."""


@dataclass(frozen=True, slots=True)
class VipSpec:
    """One virtual address as asked for. label is the alias's own name ("5" of eth1:5). None = not said."""

    address: str
    prefixlen: int | None = None
    interface: str | None = None
    label: str | None = None
    broadcast: str | None = None


def parse_vip(argument: str) -> VipSpec:
    """Read one argument. Raises ValueError with what is wrong and the cure, parted by "; "."""
    address, *parts = argument.split("/")
    if len(parts) > 3 or "" in parts:
        raise ValueError(f"{argument} has {'too many' if len(parts) > 3 else 'empty'} parts; {_CURE}")
    _check_address("address", address)
    prefixlen = _parse_mask(parts.pop(0)) if parts else None
    interface = label = broadcast = None
    # The third part is a broadcast address if it begins with a digit, else an interface.
    if parts and not parts[0][0].isdigit():
        interface, label = _parse_interface(parts.pop(0))
    if parts:
        broadcast = parts.pop(0)
        _check_address("broadcast address", broadcast)
    if parts:
        raise ValueError(f"{argument} has an interface after the broadcast address; {_CURE}")
    return VipSpec(address, prefixlen, interface, label, broadcast)


def _check_address(what: str, text: str) -> None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{what} {text or '(empty)'} is not an IPv4 address; {_CURE}") from None


def _parse_mask(text: str) -> int:
    """Prefix length from `24` or `255.255.255.0`."""
    if text.isascii() and text.isdigit() and int(text) <= 32:
        return int(text)
    try:
        bits = int(ipaddress.IPv4Address(text))
    except ValueError:
        bits = -1
    prefixlen = bin(bits).count("1")
    if bits < 0 or bits != (0xFFFFFFFF << (32 - prefixlen)) & 0xFFFFFFFF:
        raise ValueError(f"mask {text} is neither 0 to 32 nor of the form 255.255.255.0; {_CURE}")
    return prefixlen


def _parse_interface(text: str) -> tuple[str, str | None]:
    interface, colon, label = text.partition(":")
    check_interface(interface, _FORM)
    if len(text) > IFNAMSIZ:
        raise ValueError(f"{text} is too long, {IFNAMSIZ} letters with its label at most; {_CURE}")
    if colon and not re.fullmatch(r"[\w.-]+", label, re.ASCII):
        raise ValueError(f"{text} has an empty or odd label; {_CURE}")
    return interface, label or None


def check_interface(name: str, form: str) -> None:
    """Raises ValueError unless this can be the name of an interface; form is what the whole argument looks like."""
    if not re.fullmatch(r"[A-Za-z][\w.@-]*", name, re.ASCII) or len(name) > IFNAMSIZ:
        what = f"{name or '(empty)'} is not the name of an interface (at most {IFNAMSIZ} letters)"
        raise ValueError(f"{what}; write {form}")
