"""The resources that are built in: their names, their arguments, and what the plans must know of them.

A resource of one of these names never becomes a script, whatever lies in resource.d: that is how a takeover does
without a shell. The arguments are those of the scripts with these names (usage lines of resource-agents 4.12,
reference section 7); LVSSyncDaemonSwap is no longer shipped by Debian. Each `parse_…` gives a frozen value or raises
ValueError with what is wrong and the cure, parted by "; ".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from hbeat.core.model import Resource, SyncPlan
from hbeat.core.vip import VipSpec, check_interface, parse_vip

Arguments = tuple[str, ...]

DEFAULT_SUBJECT = "Resource Group"
DEFAULT_SYNC_INTERFACE = "eth0"
SYNC_SWAP, SYNC_ROLES = "LVSSyncDaemonSwap", ("master", "backup")

_MAIL_ADDRESS = re.compile(r"[^\s,;<>|&$`\"'\\()-][^\s,;<>|&$`\"'\\()]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Vip6Spec:
    """An IPv6 address as asked for. None = the machine's routes tell it."""

    address: str
    prefixlen: int | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class SendArpSpec:
    """An address to announce by gratuitous ARP, and where."""

    address: str
    interface: str


@dataclass(frozen=True, slots=True)
class MailSpec:
    """Who is told that the group starts or stops here. subject begins the subject line."""

    recipients: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class SyncSpec:
    """The IPVS sync daemon of the node that holds the group: "master" or "backup"; the other one runs elsewhere."""

    role: str
    interface: str
    syncid: int


def parse_ipaddr(arguments: Arguments) -> VipSpec:
    """`IPaddr::ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]]`, and IPaddr2."""
    return parse_vip(_only(arguments, "ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]]"))


def parse_ipv6addr(arguments: Arguments) -> Vip6Spec:
    """`IPv6addr::ADDRESS[/PREFIX[/INTERFACE]]`; the address in full, since `::` parts arguments in haresources."""
    form = "ADDRESS[/PREFIX[/INTERFACE]], the address in full: 2001:db8:0:0:0:0:0:10"
    if len(arguments) > 1:
        whole = "::".join(arguments)
        address, slash, rest = whole.partition("/")
        try:
            exploded = ":".join(f"{int(part, 16):x}" for part in ipaddress.IPv6Address(address).exploded.split(":"))
        except ValueError:
            raise ValueError(f"{whole} is not an IPv6 address; write {form}") from None
        raise ValueError(f"`::` parts arguments here, in an address too; write {exploded}{slash}{rest}")
    address, *parts = _only(arguments, form).split("/")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError(f"{address or '(empty)'} is not an IPv6 address; write {form}") from None
    if len(parts) > 2 or "" in parts:
        raise ValueError(f"{arguments[0]} has {'too many' if len(parts) > 2 else 'empty'} parts; write {form}")
    prefixlen = None
    if parts:
        if not (parts[0].isascii() and parts[0].isdigit() and int(parts[0]) <= 128):
            raise ValueError(f"prefix {parts[0]} is not 0 to 128; write {form}")
        prefixlen = int(parts[0])
    if len(parts) > 1:
        check_interface(parts[1], form)
    return Vip6Spec(address, prefixlen, parts[1] if len(parts) > 1 else None)


def parse_ipsrcaddr(arguments: Arguments) -> str:
    """`IPsrcaddr::ADDRESS`: the address this node's own connections come from."""
    address = _only(arguments, "ADDRESS")
    _ipv4(address, "ADDRESS")
    return address


def parse_sendarp(arguments: Arguments) -> SendArpSpec:
    """`SendArp::ADDRESS/INTERFACE`."""
    form = "ADDRESS/INTERFACE, such as 10.1.1.10/eth0"
    address, slash, interface = _only(arguments, form).partition("/")
    _ipv4(address, form)
    if not slash:
        raise ValueError(f"{arguments[0]} names no interface; write {form}")
    check_interface(interface, form)
    return SendArpSpec(address, interface)


def parse_mailto(arguments: Arguments) -> MailSpec:
    """`MailTo::ADDRESS[,ADDRESS…][::SUBJECT]`."""
    form = "ADDRESS[,ADDRESS...][::SUBJECT]"
    if len(arguments) not in (1, 2):
        raise ValueError(f"it has {len(arguments)} arguments; write {form}")
    recipients = tuple(part for part in arguments[0].split(",") if part)
    for recipient in recipients or ("",):
        if not _MAIL_ADDRESS.fullmatch(recipient):
            raise ValueError(f"{recipient or '(empty)'} is not a mail address; write {form}")
    subject = arguments[1] if len(arguments) == 2 else DEFAULT_SUBJECT
    if not subject.isprintable():
        raise ValueError(f"the subject has control characters; write {form}")
    return MailSpec(recipients, subject)


def parse_ldirectord(arguments: Arguments) -> str:
    """`ldirectord[::CONFIGURATION]`; "" leaves the configuration to ldirectord."""
    if len(arguments) > 1 or "" in arguments:
        raise ValueError(f"it has {len(arguments)} arguments or an empty one; write ldirectord::CONFIGURATION")
    return arguments[0] if arguments else ""


def parse_lvs_sync_daemon_swap(arguments: Arguments) -> SyncSpec:
    """`LVSSyncDaemonSwap::master|backup[::INTERFACE[::SYNCID]]`; eth0 and 0 when they are left out."""
    form = "master or backup[::INTERFACE[::SYNCID]], such as master::eth1::7"
    if not 1 <= len(arguments) <= 3 or arguments[0] not in SYNC_ROLES:
        raise ValueError(f"{'::'.join(arguments) or 'no argument'} is not what it takes; write {form}")
    interface = arguments[1] if len(arguments) > 1 else DEFAULT_SYNC_INTERFACE
    check_interface(interface, form)
    return SyncSpec(arguments[0], interface, _syncid(arguments[2] if len(arguments) > 2 else "0", form))


def parse_sync_place(text: str) -> SyncPlan:
    """`INTERFACE[/SYNCID]` of connection_sync in hbeat.yaml; 0 when it is left out."""
    form = "an interface and a syncid of 0 to 255, such as eth1/5"
    interface, slash, syncid = text.partition("/")
    check_interface(interface, form)
    return SyncPlan(interface, _syncid(syncid if slash else "0", form))


def _syncid(text: str, form: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 255):
        raise ValueError(f"syncid {text or '(empty)'} is not 0 to 255; write {form}")
    return int(text)


PARSERS: dict[str, Callable[[Arguments], object]] = {
    "IPaddr": parse_ipaddr,
    "IPaddr2": parse_ipaddr,
    "IPv6addr": parse_ipv6addr,
    "IPsrcaddr": parse_ipsrcaddr,
    "SendArp": parse_sendarp,
    "MailTo": parse_mailto,
    "ldirectord": parse_ldirectord,
    SYNC_SWAP: parse_lvs_sync_daemon_swap,
}
"""What checks the arguments of each built-in resource; haresources is read with it."""

BUILTIN = frozenset(PARSERS)

VIP_SCRIPTS = ("IPaddr", "IPaddr2")
"""Resources that are an IPv4 address; both names mean the built-in one."""

ADDRESSES = frozenset({*VIP_SCRIPTS, "IPv6addr"})
"""Resources that are an address of either family: lent by the kernel, and asked for before they are taken."""


def address_of(resource: Resource) -> str:
    """The address that one of ADDRESSES is."""
    parse = parse_ipaddr if resource.script in VIP_SCRIPTS else parse_ipv6addr
    return parse(resource.arguments).address


KEPT = frozenset({"ldirectord", "MailTo", "SendArp"})
"""What is not stopped at daemon start: kept warm, or nothing that lasts.

Everything else that an earlier life left running is: the peer may be in its place by now.
"""

WARM = frozenset({"ldirectord"})
"""Resources that are kept running without serving on the node which does not hold them."""


def _only(arguments: Arguments, form: str) -> str:
    if len(arguments) != 1:
        raise ValueError(f"it has {len(arguments)} arguments; write one, {form}")
    return arguments[0]


def _ipv4(text: str, form: str) -> None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text or '(empty)'} is not an IPv4 address; write {form}") from None
