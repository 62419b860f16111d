"""What a cluster's files come to, in words: findings, nodes, addresses, and the IPVS table that would be made."""

from __future__ import annotations

from collections.abc import Iterator

from ldirector.core.ipvsadm_list import as_listed
from ldirector.core.preview import preview
from migration.cluster_files import ClusterFiles
from migration.topology import Topology


def describe(files: ClusterFiles, topology: Topology) -> Iterator[str]:
    """The lines of `hbeat-migrate check`."""
    for warning in files.warnings:
        yield f"warning: {warning}"
    for note in topology.notes:
        yield f"note: {note}"
    timing = files.nodes[0].ha.timing
    failback = files.nodes[0].ha.auto_failback.value
    yield (
        f"timers: keepalive {timing.keepalive:g} s, deadtime {timing.deadtime:g} s, initdead {timing.initdead:g} s; "
        f"auto_failback {failback}"
    )
    for node in topology.nodes:
        yield f"node {node.name}: " + ", ".join(f"{leg.interface} {leg.address}" for leg in node.legs)
    for vip in topology.vips:
        yield f"virtual address {vip.address} belongs to {vip.owner}"
    for real in topology.reals:
        yield f"real server {real.address}, ports {', '.join(map(str, real.ports))}, gateway {real.gateway or 'none'}"
    yield "IPVS table on the node that holds the virtual address, while all servers answer:"
    for director in files.directors:
        yield from (f"  {line}" for line in as_listed(preview(director.virtuals)))
