"""The words of the IPVS table and of ldirectord.cf, as values.

Identity (what names an entry in the kernel) and state (what an edit may change) are different types, so that
tables are dicts and a comparison of wanted and actual is a walk over keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Protocol(Enum):
    """How a virtual is recognised: by address and port, or by firewall mark."""

    TCP = "tcp"
    UDP = "udp"
    FWM = "fwm"


class Forwarding(Enum):
    """The forwarding methods, named as in ldirectord.cf."""

    GATE = "gate"
    MASQ = "masq"
    IPIP = "ipip"


@dataclass(frozen=True, order=True, slots=True)
class VirtualKey:
    """Names one virtual in the kernel. `family` is 4 or 6; a mark has address "" and port 0."""

    protocol: str  # Protocol.value, kept as text so that keys sort
    family: int
    address: str
    port: int
    mark: int = 0


@dataclass(frozen=True, order=True, slots=True)
class RealKey:
    """Names one real inside its virtual; the address is in canonical text form."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class VirtualState:
    """What the kernel holds of a virtual beside its key.

    persistent: seconds, 0 = not persistent. netmask: IPv4 dotted quad or IPv6 prefix length as text.
    schedflags: sorted names as ipvsadm -b takes them ("sh-port"), empty = none.
    """

    scheduler: str = "wrr"
    persistent: int = 0
    netmask: str = ""
    ops: bool = False
    schedflags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RealState:
    """What the kernel holds of a real beside its key. Thresholds: 0 = none."""

    forwarding: Forwarding
    weight: int
    upper: int = 0
    lower: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """One virtual with its reals, as read from the kernel or as wanted."""

    state: VirtualState
    reals: Mapping[RealKey, RealState]


Table = Mapping[VirtualKey, Service]
"""An IPVS table: the whole kernel's, or the wanted part of it."""
