"""Effects: what the cluster wants done. The daemon performs them; outcomes come back as calls of Cluster."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from hbeat.core.model import LinkName, NodeName, PeerRecord, Resource


class Level(IntEnum):
    """Severity of a note; the numbers are those of the logging module."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class Action(Enum):
    """What a resource agent is asked to do."""

    START = "start"
    STOP = "stop"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send these bytes on every medium, one right after the other."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Bequeath:
    """What the keeper sends on every medium when this daemon has died without a farewell; empty: nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SendPing:
    """Ask each host of the ping node to echo this payload; what comes back is told by Cluster.echoed()."""

    node: NodeName
    data: bytes


@dataclass(frozen=True, slots=True)
class Say:
    """A message in the making: the sender's own fields; the outbox adds the others and signs it."""

    fields: tuple[tuple[str, str], ...]
    dest: str = ""

    @staticmethod
    def of(type_: str, dest: str = "", **own: str) -> Say:
        """Own fields in the order of the keyword arguments, `t` first."""
        return Say((("t", type_), *own.items()), dest)


@dataclass(frozen=True, slots=True)
class RunResource:
    """Do this with the resource and report with Cluster.finished(op_id, outcome, now)."""

    op_id: int
    resource: Resource
    action: Action


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a resource action ended. running: what a STATUS found out."""

    ok: bool
    detail: str = ""
    running: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """Keep this resource warm: running, but serving nothing. Readiness comes back by Cluster.prepared()."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Dismiss:
    """End what Prepare began."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Vouch:
    """Should this director have to serve while it sees no server, the other node's word stands for them; or no more."""

    resource: Resource
    on: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the network who has these addresses: one round. What became of each question is told by
    Cluster.address_asked(), who answers by Cluster.address_seen().

    machines: addresses of the silent node itself, by interface; those of the interfaces where the addresses belong are
    asked for beside them, once each, and told by Cluster.machine_seen().
    """

    resources: tuple[Resource, ...]
    machines: tuple[tuple[LinkName, str], ...] = ()


class Asked(Enum):
    """What became of a question of a Probe.

    SENT: it went out. UNSENT: there was no room for it, or its interface is just going; the next one may be sent.
    NOWHERE: there is nobody to ask, since the address has no place on this node, or its interface takes no such frames.
    """

    SENT = "sent"
    UNSENT = "unsent"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the network again that this address is here."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Drop:
    """Take this address off its interface at once, whatever else of its group is still running."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class ReadConnections:
    """Look at the IPVS connections of this node and report with Cluster.connections_read().

    virtuals: tell the other node's kernel of those to these addresses; None: of all. () = of none. wanted: names of
    connections to look for.
    """

    virtuals: tuple[str, ...] | None = ()
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionsRead:
    """What was found. count: all of them; told: so many the other node was told of; sample: names of a few that it must
    know now; present: how many of the wanted ones are here. problem: what kept it from being done."""

    count: int = 0
    told: int = 0
    sample: tuple[str, ...] = ()
    present: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RunHook:
    """Run the script of this name in rc.d; fields become HA_name in its environment. Nothing is reported back."""

    type: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this for our next start. The newest record is enough, and nothing waits for it."""

    record: PeerRecord


@dataclass(frozen=True, slots=True)
class Exit:
    """All is released and said; the daemon may end."""


Effect = (
    SendDatagram
    | Bequeath
    | SendPing
    | Say
    | RunResource
    | Prepare
    | Dismiss
    | Vouch
    | Probe
    | Announce
    | Drop
    | ReadConnections
    | RunHook
    | Note
    | Remember
    | Exit
)
