"""A node of the virtual pair: what of it survives its daemon, and the resources and keys of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hbeat.core.auth import Key, Keyring, Method, pack, unpack
from hbeat.core.builtin import ADDRESSES
from hbeat.core.cluster import Cluster
from hbeat.core.hello import FIELD
from hbeat.core.lease import Leases, Standing
from hbeat.core.model import PeerRecord, Resource, ResourceGroup
from hbeat.core.wire import Message

LINKS = ("eth0", "eth1")
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
VIP = Resource("IPaddr::10.1.1.10/24/eth0", "IPaddr", ("10.1.1.10/24/eth0",))
INSIDE = Resource("IPaddr::192.168.2.240/24/eth1", "IPaddr", ("192.168.2.240/24/eth1",))
DIRECTOR = Resource("ldirectord::ldirectord.cf", "ldirectord", ("ldirectord.cf",))
SEED_GROUP = ResourceGroup("a", (DIRECTOR, VIP, INSIDE))


@dataclass
class Machine:
    """What survives the daemon: generation, and what runs on the node at this moment."""

    name: str
    generation: int = 100
    running: list[str] = field(default_factory=list)
    powered: bool = False
    cluster: Cluster | None = None
    stalled_until: float = 0.0
    inbox: list[tuple[str, bytes]] = field(default_factory=list)
    record: PeerRecord | None = None
    will: bytes = b""
    """What its keeper sends when the daemon has died."""
    clock: float = 1_800_000_000.0
    """What its clock shows at the time 0 of the world."""
    pulled: frozenset[str] = frozenset()
    """Interfaces without carrier."""
    original: bool = False
    """It neither sends nor sees the field of our kind, like an original."""
    leases: Leases = field(default_factory=lambda: Leases(None))
    expires: dict[str, float] = field(default_factory=dict)
    """When its kernel removes an address, unless it is asked for it again."""
    connections: set[str] = field(default_factory=set)
    """What its kernel knows, with connection sync: names."""
    vouched: set[Resource] = field(default_factory=set)
    """Directors that were told of the other node's word."""
    news: list[Callable[[], None]] = field(default_factory=list)
    """What waits in its other sockets while it is stalled."""

    def deadline(self) -> float:
        """When its loop wakes up next: not while it is stalled."""
        return max(self.wanted_at(), self.stalled_until)

    def wanted_at(self) -> float:
        """When its loop wants to wake up next."""
        assert self.cluster is not None
        renewal = self.leases.next_deadline()
        return min(self.cluster.next_deadline(), float("inf") if renewal is None else renewal)


def standing_of(address: Resource) -> Standing:
    """A name for the lease of an address."""
    return Standing(address.text.encode(), 24, 1)


def addresses_of(texts: Iterable[str], groups: Iterable[ResourceGroup]) -> list[Resource]:
    """Those of the resources that are addresses."""
    return [r for g in groups for r in g.resources if r.script in ADDRESSES and r.text in list(texts)]


def as_original(data: bytes) -> bytes:
    """The datagram without the field that nodes of our kind add for each other."""
    fields = unpack(data, KEYS).fields
    return pack(Message(tuple(f for f in fields if f.name not in (FIELD, "auth"))), KEYS)


def link_of(resource: Resource) -> str:
    """The interface of an address."""
    return resource.text.rpartition("/")[2]
