"""The words of a heartbeat cluster, as values: nodes, links, timers, resources, and the states of the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

NodeName = str
"""A node's name, lower case (names are compared without regard to case, reference section 4.3)."""

LinkName = str
"""A link is named after its device: `ucast eth0 10.1.1.3` is link eth0 (reference section 1.1)."""


class NodeState(Enum):
    """Status words of the wire; DEAD is only ever decided locally, PING is a ping node that answers (reference 4.1)."""

    INIT = "init"
    UP = "up"
    ACTIVE = "active"
    DEAD = "dead"
    PING = "ping"


class PingKind(Enum):
    """The directive that names a ping node; the word is also what its messages carry as `info`."""

    PING = "ping"
    PING6 = "ping6"
    GROUP = "ping_group"


@dataclass(frozen=True, slots=True)
class PingNode:
    """Something outside the cluster that answers echo requests, as ha.cf names it: one host, or a group of hosts."""

    name: NodeName
    kind: PingKind = PingKind.PING


class Held(Enum):
    """Which resource groups a node holds, seen from that node (reference section 5.1)."""

    NONE = "none"
    LOCAL = "local"
    FOREIGN = "foreign"
    ALL = "all"

    @property
    def local(self) -> bool:
        return self in (Held.LOCAL, Held.ALL)

    @property
    def foreign(self) -> bool:
        return self in (Held.FOREIGN, Held.ALL)

    @staticmethod
    def of(local: bool, foreign: bool) -> Held:
        """What is held when groups of these kinds are."""
        if local:
            return Held.ALL if foreign else Held.LOCAL
        return Held.FOREIGN if foreign else Held.NONE

    def __or__(self, other: Held) -> Held:
        return Held.of(self.local or other.local, self.foreign or other.foreign)

    def __sub__(self, other: Held) -> Held:
        return Held.of(self.local and not other.local, self.foreign and not other.foreign)

    @property
    def mirrored(self) -> Held:
        """The same groups, as the other node names them."""
        return Held.of(self.foreign, self.local)


class Failback(Enum):
    """ha.cf auto_failback."""

    ON = "on"
    OFF = "off"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Timing:
    """The timers of ha.cf in seconds, defaults already worked out (reference section 4.1)."""

    keepalive: float = 1.0
    warntime: float = 15.0
    deadtime: float = 30.0
    initdead: float = 30.0
    deadping: float = 30.0


@dataclass(frozen=True, slots=True)
class Safety:
    """What keeps a virtual address from being on two nodes (hbeat.yaml). Times in seconds.

    vip_lease: how long the kernel keeps an address without this daemon, whole seconds; None = for ever.
    keeper: a small process that removes the addresses when this daemon dies, and starts it again.
    arp_guard: no address of a silent peer is taken while somebody answers for it. arp_guard_limit: how long an
    original peer is waited for in that way, after its death; None = one deadtime.
    stall_rule: a node that has slept trusts nothing that it knew before. link_hold_down: how long a cable has to be in
    again before groups go home over it; None = no cable moves anything.
    """

    vip_lease: int | None = 1
    keeper: bool = True
    arp_guard: bool = True
    arp_guard_limit: float | None = None
    stall_rule: bool = True
    link_hold_down: float | None = 10.0


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Where the kernel's IPVS synchronisation daemons speak, both of them on both nodes, and under which number.

    line: where in hbeat.yaml it stands.
    """

    interface: str
    syncid: int = 0
    line: int = field(default=0, compare=False)


class SysctlRule(Enum):
    """What is done about kernel settings that hold up clients."""

    OFF = "off"
    TELL = "tell"
    MANAGE = "manage"


ARP_REPEAT, ARP_INTERVAL = 10, 0.5
"""Those of the script IPaddr."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """What keeps the clients' connections alive while addresses move (hbeat.yaml). Times in seconds.

    connection_sync: None = each node knows its own connections only. failback_limit: how long groups wait for their
    own node to be ready for them: its health checks have a verdict, its connections are those of the other node.
    arp_repeat, arp_interval: in how many rounds, and how far apart, a virtual address is announced where it has come.
    warm_standby: ldirectord runs on both nodes, and serves on one.
    """

    connection_sync: SyncPlan | None = None
    failback_limit: float = 15.0
    sysctl: SysctlRule = SysctlRule.TELL
    arp_repeat: int = ARP_REPEAT
    arp_interval: float = ARP_INTERVAL
    warm_standby: bool = True


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """What a node keeps of its peer across its own restarts: everything up to this was said before.

    ours: the peer proves its life (`proof`); False for an original.
    """

    node: NodeName
    generation: int
    sequence: int
    ours: bool


@dataclass(frozen=True, slots=True)
class Resource:
    """One agent call of haresources, as `script arg1 arg2 … ACTION`.

    `text` is the word as written ("IPaddr::10.1.1.10/24/eth0"); a bare address has script "IPaddr". line: where in
    haresources it stands; the same word in another line is the same resource.
    """

    text: str
    script: str
    arguments: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """One line of haresources: the preferred node and its resources, left to right."""

    node: NodeName
    resources: tuple[Resource, ...]

    @property
    def key(self) -> str:
        """The first resource as written: how the group is addressed on the wire and by scripts."""
        return self.resources[0].text
