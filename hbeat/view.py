"""What can be seen of a running cluster: plain values for `hbeat status`, cl_status and monitoring."""

from __future__ import annotations

import os

import hbeat
from hbeat.core.cluster import Cluster
from hbeat.core.lateness import Lateness
from hbeat.core.membership import Peer
from hbeat.load import Configuration
from hbeat.promise import promised


def _heard(peer: Peer, now: float) -> dict[str, object]:
    return {
        "links": {link: "up" if life.up else "dead" for link, life in peer.links.items()},
        "silent": None if peer.heard_at is None else round(now - peer.heard_at, 3),
        "deadtime": peer.patience,
    }


def view(
    cluster: Cluster,
    config: Configuration,
    script_messages_dropped: int,
    connection_sync: dict[str, object] | None,
    lateness: Lateness,
    now: float,
) -> dict[str, object]:
    """The cluster as this node sees it. connection_sync: what is known of it, None where it is off.

    Times are seconds; `silent` is the time since the peer's last status.
    """
    me = config.node
    ipfail = cluster.connectivity.ipfail
    nodes: dict[str, object] = {}
    for name in config.ha.nodes:
        if name == me:
            # As the original shows its own links: up where its own heartbeats come back to it.
            back, deadtime = cluster.reception.returned, cluster.settings.timing.deadtime
            up = {link for link, at in back.items() if now - at <= deadtime}
            links = {link: "up" if link in up else "dead" for link in cluster.settings.links}
            clients = ["ipfail"] if ipfail and ipfail.active else []
            nodes[name] = {"status": cluster.status.value, "type": "normal", "links": links, "clients": clients}
        elif cluster.peer is not None:
            peer = cluster.peer
            clients = ["ipfail"] if ipfail and ipfail.peer_has_it else []
            nodes[name] = {
                "status": peer.status,
                "type": "normal",
                **_heard(peer, now),
                "clients": clients,
                "program": "hbeat" if cluster.kin.hello else "heartbeat" if peer.alive else "unknown",
                "differing": list(cluster.agreement.differing),
            }
    for ping in cluster.connectivity.pings:
        nodes[ping.name] = {"status": ping.status, "type": "ping", **_heard(ping, now), "clients": []}
    ownership = cluster.ownership
    return {
        "version": hbeat.__version__,
        "pid": os.getpid(),
        "node": me,
        "active": cluster.status.value == "active",
        "nodes": nodes,
        "resources": {
            "status": cluster.resource_status,
            "held": ownership.held.value,
            "peer": ownership.peer_held.value,
            "phase": ownership.phase.value,
            "standby": ownership.standby.stage.value,
            "busy": not ownership.jobs.idle,
            "answered": {r.text: holder for r, holder in cluster.custody.guard.holders().items()},
            "groups": [
                {"node": group.node, "resources": [resource.text for resource in group.resources]}
                for group in ownership.groups
            ],
        },
        "connection_sync": connection_sync,
        "late": {"last minute": round(lateness.recent(now), 4), "since start": round(lateness.worst, 4)},
        "failover": {case.event: case.seconds if case.seconds is not None else case.why for case in promised(config)},
        "dropped": {
            "reasons": {reason.value: count for reason, count in cluster.bad.by_reason.items()},
            "links": dict(cluster.bad.by_link),
            "script messages": script_messages_dropped,
        },
        "parameters": dict(config.ha.parameters),
    }
