"""What a cluster is made of, as far as the core has to know: who, over what, how patient, and which groups."""

from __future__ import annotations

from dataclasses import dataclass

from hbeat.core.hello import Files
from hbeat.core.model import Failback, LinkName, NodeName, PingNode, ResourceGroup, Safety, Sessions, Timing
from hbeat.core.outbox import Identity

UNGUARDED = Safety(vip_lease=None, keeper=False, arp_guard=False, stall_rule=False)
"""As heartbeat is."""
USUAL = Sessions()


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a cluster of one or two nodes is made of. links: names of the media, in ha.cf order.

    hooks: the scripts in rc.d that want to be told. ipfail: compare what each node sees of the ping nodes.
    files: what both nodes should have the same of, as digests.
    """

    me: Identity
    nodes: tuple[NodeName, ...]
    links: tuple[LinkName, ...]
    timing: Timing
    failback: Failback
    groups: tuple[ResourceGroup, ...]
    rexmit_delay: float = 0.25
    inner_signature: bool = True
    log_badpack: bool = True
    hooks: frozenset[str] = frozenset()
    pings: tuple[PingNode, ...] = ()
    ipfail: bool = False
    files: Files = ()
    safety: Safety = UNGUARDED
    sessions: Sessions = USUAL
