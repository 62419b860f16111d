"""What one node of a pair is made of: one object for each thing it keeps an eye on.

`Conversation` lets them hear what the peer says, `Cluster` is what the daemon talks to.
"""

from __future__ import annotations

from random import Random

from hbeat.core.agreement import HARESOURCES, Agreement
from hbeat.core.auth import Keyring
from hbeat.core.badpackets import BadPackets
from hbeat.core.beat import Beat
from hbeat.core.cabling import Cabling
from hbeat.core.connection_sync import ConnectionSync
from hbeat.core.connectivity import Connectivity
from hbeat.core.custody import Custody
from hbeat.core.hooks import Hooks
from hbeat.core.ipfail import Ipfail
from hbeat.core.joining import Joining
from hbeat.core.kin import Kin
from hbeat.core.last_will import LastWill
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.lives import Lives
from hbeat.core.membership import Peer
from hbeat.core.model import Failback, NodeName, NodeState, PeerRecord
from hbeat.core.outbox import Outbox, WireStamp
from hbeat.core.ownership import Ownership
from hbeat.core.ping import PingNodes
from hbeat.core.reception import Reception
from hbeat.core.settings import Settings
from hbeat.core.sight import Sight


class Parts:
    """The parts of one node. floor: what it kept of its peer at its last Remember, for that peer."""

    def __init__(
        self,
        settings: Settings,
        keys: Keyring,
        stamp: WireStamp,
        random: Random,
        now: float,
        floor: PeerRecord | None = None,
    ) -> None:
        others = [node for node in settings.nodes if node != settings.me.name]
        if len(others) > 1:
            raise ValueError(f"{len(settings.nodes)} nodes: haresources clusters have one or two")
        self.settings = settings
        self.peer = Peer(others[0], settings.links, settings.timing, now) if others else None
        self.outbox = Outbox(settings.me, keys, stamp, inner=settings.inner_signature)
        self.ownership = _ownership(settings, others[0] if others else None)
        self.hooks = Hooks(settings.hooks)
        pings = PingNodes(settings.pings, settings.timing, now)
        self.connectivity = Connectivity(pings, _ipfail(settings, self.ownership), self.peer)
        self.status = NodeState.INIT
        self.bad = BadPackets(settings.log_badpack)
        self.reception = Reception(
            settings.nodes, self.peer, self.outbox, self.bad, settings.rexmit_delay, random, floor
        )
        self.lives = Lives(others[0] if others else "")
        self.last_will = LastWill(self.outbox)
        self.kin = Kin(self.ownership)
        self.cabling = _cabling(settings, self.ownership)
        self.sight = Sight(self.ownership if isinstance(self.ownership, Ownership) else None)
        sessions = settings.sessions
        self.ownership.ready_limit = sessions.failback_limit
        self.ownership.keeps_warm = sessions.warm_standby
        self.connections = ConnectionSync(self.ownership, sessions.connection_sync, sessions.failback_limit)
        self.agreement = Agreement(settings.files)
        self.beat = Beat(
            settings.timing,
            settings.files,
            self.ownership,
            self.peer,
            self.kin,
            self.reception.proof,
            self.cabling,
            self.sight,
            self.connections,
            now,
        )
        self._now = now
        self.joining = Joining()
        tracker = self.reception.tracker
        self.custody = Custody(
            settings.safety,
            settings.timing,
            self.ownership,
            self.peer,
            peer_is_ours=lambda: tracker.ours or self.reception.has_namesake(self._now),
            peer_absent=lambda: self.kin.hello is not None and self.kin.hello.absent,
            is_original=lambda: tracker.generation > 0 and not tracker.ours,
            files_differ=lambda: HARESOURCES in self.agreement.differing,
        )


def _ownership(settings: Settings, peer: NodeName | None) -> Ownership | LegacyOwnership:
    if settings.failback is Failback.LEGACY:
        return LegacyOwnership(settings.me.name, peer, settings.groups)
    return Ownership(settings.me.name, peer, settings.groups, settings.failback)


def _cabling(settings: Settings, ownership: Ownership | LegacyOwnership) -> Cabling:
    moves = ownership if isinstance(ownership, Ownership) and ownership.peer is not None else None
    return Cabling(moves, settings.timing, settings.safety.link_hold_down, settings.failback is not Failback.OFF)


def _ipfail(settings: Settings, ownership: Ownership | LegacyOwnership) -> tuple[Ipfail, Ownership] | None:
    """ipfail and what it moves; it needs a peer, and the standby handshake that legacy does not have."""
    if not settings.ipfail or ownership.peer is None or not isinstance(ownership, Ownership):
        return None
    gives_back = settings.failback is not Failback.OFF
    return Ipfail(settings.me.name, ownership.peer, settings.timing.keepalive, gives_back), ownership
