"""Names and ranges -> addresses and numbers: what `virtual=`, `real=` and `fallback=` say about places.

The parser asks `Names` for everything that is not written as a number, so that it stays free of sockets; tests
answer from a dict. Names are resolved once, when the file is read, as in the original.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from ldirector.config.errors import BadValue
from ldirector.config.values import shown
from ldirector.core.model import Forwarding

LARGEST_RANGE = 8192
"""Addresses in all ranges of a file together: more is a typing error. (The original took half a minute for 200.)"""

LARGEST_MARK = 2**32 - 1

_PORT = r"([A-Za-z0-9_-]+)"
_NAMED = re.compile(rf"([A-Za-z0-9._+-]+):{_PORT}")
_BRACKETED = re.compile(rf"\[([0-9A-Fa-f:.]+)\]:{_PORT}")
_MARK = re.compile(r"([0-9]+)(?=\s|\Z)", re.ASCII)
_FALLBACK = re.compile(rf"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._+-]+))(?::{_PORT})?(?:\s+(\S+))?\s*\Z", re.ASCII)
_DOTTED = re.compile(r"[0-9]+(\.[0-9]+){3}\Z")


class Names(Protocol):
    """Where host and service names are looked up."""

    def host(self, name: str, family: int) -> str | None:
        """One address of that family (4 or 6) in canonical text form, or None when the name has none."""

    def service(self, name: str, protocol: str) -> int | None:
        """The port of a service name for "tcp", "udp" or, with "", for either; None when unknown."""


@dataclass(frozen=True, slots=True)
class Place:
    """What `virtual=` names: a mark, or an address with a port still in words (its protocol is not known yet)."""

    family: int
    address: str = ""
    port: str = ""
    mark: int = 0


@dataclass(frozen=True, slots=True)
class FallbackPlace:
    """What `fallback=` names; port None = that of the virtual."""

    address: str
    port: int | None
    forwarding: Forwarding


def virtual_place(text: str, family: int, names: Names) -> Place:
    """The value of virtual= (family 4) or virtual6= (family 6); text after the port is ignored, as in the original."""
    if named := _NAMED.match(text):
        return Place(family, host(named[1], family, names), named[2])
    if bracketed := _BRACKETED.match(text):
        if family == 4:
            raise BadValue(f"{shown(text)} is an IPv6 address", "write virtual6= instead of virtual=")
        return Place(family, host(bracketed[1], family, names), bracketed[2])
    if mark := _MARK.match(text):
        value = int(mark[1][:11])
        if not 1 <= value <= LARGEST_MARK:
            raise BadValue(f"firewall mark {mark[1][:12]} cannot be used", f"write a mark from 1 to {LARGEST_MARK}")
        return Place(family, mark=value)
    if re.match(r"[0-9.]+(?=\s|\Z)", text, re.ASCII):
        raise BadValue(f"{shown(text)} has no port", "write address:port (ldirectord would take it as a firewall mark)")
    raise BadValue(
        f"{shown(text)} does not name a virtual",
        "write address:port, name:port, a firewall mark" + (" or [address]:port" if family == 6 else ""),
    )


def fallback_place(text: str, family: int, names: Names, protocols: tuple[str, ...]) -> FallbackPlace:
    """The value of fallback= or fallback6=: host[:port] [method].

    A service name must have the same port for all of protocols: a global fallback serves tcp and udp alike.
    """
    match = _FALLBACK.match(text)
    if not match:
        raise BadValue(f"{shown(text)} does not name a fallback server", "write address[:port] [gate|masq|ipip]")
    literal, name, port_text, method = match.groups()
    address = host(literal or name, family, names)
    check_unicast(address)
    way = forwarding(method) if method else Forwarding.GATE
    return FallbackPlace(address, _fallback_port(port_text, names, protocols) if port_text else None, way)


def host(text: str, family: int, names: Names) -> str:
    """One address of the family in canonical text: a literal, or a name that resolves to one."""
    if re.fullmatch(r"[0-9.]*|.*:.*", text):
        return _literal(text, family)
    address = names.host(text, family)
    if address is None:
        raise BadValue(
            f"host {shown(text)} has no IPv{family} address", "write an address, or add the name to /etc/hosts"
        )
    return address


def port(text: str, protocol: str, names: Names) -> int:
    """A port number 0 to 65535, or the number behind a service name. protocol: "tcp", "udp" or "" for any."""
    if text.isdigit():
        if len(text) > 5 or int(text) > 65535:
            raise BadValue(f"port {text[:12]} is above 65535", "write a port from 0 to 65535")
        return int(text)
    found = names.service(text, protocol)
    if found is None:
        raise BadValue(
            f"service {shown(text)} has no {protocol + ' ' if protocol else ''}port",
            "write the number, or add the name to /etc/services",
        )
    return found


def address_range(first: str, last: str, names: Names, most: int = LARGEST_RANGE) -> tuple[str, ...]:
    """All IPv4 addresses from first to last, both included; ends may be names. most: how many there may be."""
    low, high = (IPv4Address(host(end, 4, names)) for end in (first, last))
    size = int(high) - int(low) + 1
    if size < 1:
        raise BadValue(f"the range {shown(first)}->{shown(last)} runs backwards", "write the lower address first")
    if size > most:
        rest = "" if most == LARGEST_RANGE else f" and {most} are left after the ranges above"
        raise BadValue(
            f"the range {shown(first)}->{shown(last)} has {size} addresses",
            f"all ranges of a file together may have {LARGEST_RANGE}{rest}",
        )
    return tuple(str(low + step) for step in range(size))


def forwarding(method: str) -> Forwarding:
    """gate, masq or ipip, in lower case."""
    try:
        return Forwarding(method)
    except ValueError:
        raise BadValue(f"{shown(method)} is not a forwarding method", "write gate, masq or ipip") from None


def check_unicast(address: str) -> None:
    """Raises BadValue for an address with which the kernel takes no server."""
    found = ip_address(address)
    if found.is_multicast or found.is_unspecified or address == "255.255.255.255":
        raise BadValue(f"{address} is the address of no server", "write the address of one machine")
    if found.version == 6 and found.is_link_local:
        raise BadValue(
            f"{address} is a link-local address, which the kernel takes for no server",
            "write an address of the server that is not in fe80::/10",
        )


def _literal(text: str, family: int) -> str:
    if _DOTTED.match(text) and family == 6:
        raise BadValue(
            f"{text} is an IPv4 address", "write an IPv6 address in brackets, or use the directive without the 6"
        )
    if ":" in text and family == 4:
        raise BadValue(f"{shown(text)} is an IPv6 address", "use the directive that ends in 6")
    try:
        return str(IPv4Address(text) if family == 4 else IPv6Address(text))
    except ValueError:
        raise BadValue(f"{shown(text)} is not an IPv{family} address", "write a complete address") from None


def _fallback_port(text: str, names: Names, protocols: tuple[str, ...]) -> int:
    ports = {port(text, protocol, names) for protocol in protocols}
    if len(ports) > 1:
        raise BadValue(f"service {shown(text)} has different ports for {' and '.join(protocols)}", "write the number")
    return ports.pop()
