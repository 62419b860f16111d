"""The words of the IPVS table and of ldirectord.cf, as values.

Identity (what names an entry in the kernel) and state (what an edit may change) are different types, so that
tables are dicts and a comparison of wanted and actual is a walk over keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class CheckType(Enum):
    """How the reals of a virtual are checked; COMBINED is a number in the file: one negotiate, then N connects."""

    NEGOTIATE = "negotiate"
    CONNECT = "connect"
    PING = "ping"
    EXTERNAL = "external"
    EXTERNAL_PERL = "external-perl"
    ON = "on"
    OFF = "off"
    COMBINED = "combined"

    @property
    def negotiates(self) -> bool:
        """Whether the protocol of the service is spoken."""
        return self in (CheckType.NEGOTIATE, CheckType.COMBINED)


class Role(Enum):
    """ACTIVE writes the kernel's table. STANDBY checks everything and writes nothing, ready to become active."""

    ACTIVE = "active"
    STANDBY = "standby"


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


Member = tuple[VirtualKey, RealKey]
"""One real of one virtual."""


@dataclass(frozen=True, slots=True)
class VirtualState:
    """What the kernel holds of a virtual beside its key.

    persistent: seconds, 0 = not persistent. netmask: IPv4 dotted quad or IPv6 prefix length as text; "" when it is
    the kernel's own (255.255.255.255 or 128) or the virtual is not persistent. schedflags: sorted names as
    ipvsadm -b takes them ("sh-port", "mh-fallback", for other schedulers "flag-1"), empty = none.
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


@dataclass(frozen=True, slots=True)
class Real:
    """One real server of ldirectord.cf.

    key names it in the kernel: for gate and ipip under an address and port its port is the virtual's (reference g-5).
    port: as written, 0 when none was; it is what is probed. Thresholds: 0 = none.
    request, receive: None = the virtual's.
    """

    key: RealKey
    port: int
    forwarding: Forwarding
    weight: int = 1
    lower: int = 0
    upper: int = 0
    request: str | None = None
    receive: str | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    """The server that answers while no real is up; its weight is always 1."""

    key: RealKey
    forwarding: Forwarding


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What makes an HTTP answer good, from ldirector.yaml.

    statuses: accepted ranges, both ends included. body_limit: bytes, a longer body is a failed check. digest: SHA-256
    of the body in hex, "" = any.
    """

    statuses: tuple[tuple[int, int], ...] = ((200, 299),)
    body_limit: int = 256 * 1024
    digest: str = ""


USUAL_HTTP = HttpRules()


@dataclass(frozen=True, slots=True)
class TlsRules:
    """How a real's certificate is judged, and which one we show; from ldirector.yaml.

    verify: the chain and the name must be good. authorities: PEM file, "" = the system's. minimum_days: the
    certificate must be valid for so many more days. certificate, key: PEM files of our own, "" = none.
    """

    verify: bool = False
    authorities: str = ""
    minimum_days: int = 0
    certificate: str = ""
    key: str = ""


USUAL_TLS = TlsRules()


@dataclass(frozen=True, slots=True)
class Policy:
    """What ldirector.yaml can say of a virtual and ldirectord.cf cannot.

    rise: good checks in a row that bring a server back which was down. fall: failed checks in a row that take it
    down, 0 = failurecount. fast_interval: seconds between checks while it is falling or rising, 0 = checkinterval.
    sentinel: keep an idle connection to each real that is up.
    """

    rise: int = 1
    fall: int = 0
    fast_interval: float = 0.0
    sentinel: bool = False
    http: HttpRules = USUAL_HTTP
    tls: TlsRules = USUAL_TLS


USUAL_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Virtual:
    """One virtual block of ldirectord.cf with the globals that apply to it already filled in.

    Times are seconds. Attributes carry the names of their directives; policy comes from ldirector.yaml.
    """

    key: VirtualKey
    state: VirtualState
    reals: tuple[Real, ...]
    fallback: Fallback | None = None
    checktype: CheckType = CheckType.NEGOTIATE
    connects: int = 0
    service: str = "none"
    checkport: int = 0
    checktimeout: float = 5.0
    negotiatetimeout: float = 30.0
    checkinterval: float = 10.0
    failurecount: int = 1
    quiescent: bool = False
    readdquiescent: bool = False
    cleanstop: bool = True
    request: str = "/"
    receive: str = ""
    httpmethod: str = "GET"
    virtualhost: str = ""
    checkcommand: str = "/bin/true"
    servicename: str = ""
    comment: str = ""
    checkcount: int = 1
    login: str = ""
    passwd: str = ""
    database: str = ""
    secret: str = ""
    monitorfile: str = ""
    fallbackcommand: str = ""
    emailalert: str = ""
    emailalertfreq: int = 0
    emailalertstatus: tuple[str, ...] = ("all",)
    smtp: str = ""
    policy: Policy = USUAL_POLICY


def bracketed(address: str) -> str:
    """The address as it stands in front of a port or in a URL: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def real_name(key: RealKey) -> str:
    """As log lines and ipvsadm show it: 192.168.2.236:80, [fd00::1]:80."""
    return f"{bracketed(key.address)}:{key.port}"


def virtual_name(key: VirtualKey) -> str:
    """As log lines show it: 10.1.1.10:80, [fd00::1]:80, or the mark: 1."""
    if key.protocol == Protocol.FWM.value:
        return str(key.mark)
    return f"{bracketed(key.address)}:{key.port}"


def virtual_label(key: VirtualKey) -> str:
    """The same for people, who have one mark for IPv4 and for IPv6: 7 IPv6."""
    family = " IPv6" if key.protocol == Protocol.FWM.value and key.family == 6 else ""
    return f"{virtual_name(key)}{family}"
