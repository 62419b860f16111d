"""What a cluster's files come to, in words: findings, nodes, addresses, and the IPVS table that would be made."""

from __future__ import annotations

from collections.abc import Iterator

from ldirector.core.ipvsadm_list import as_listed
from ldirector.core.preview import preview
from migration.cluster_files import ClusterFiles
from migration.topology import Topology, TopologyError, owned_vips


def describe(files: ClusterFiles, topology: Topology | TopologyError) -> Iterator[str]:
    """The lines of `hbeat-migrate check`; what cannot be rehearsed runs all the same."""
    for warning in files.warnings:
        yield f"warning: {warning}"
    if isinstance(topology, TopologyError):
        yield from (f"note: this cannot be rehearsed: {line}" for line in str(topology).splitlines())
    else:
        yield from (f"note: {note}" for note in topology.notes)
    timing = files.nodes[0].ha.timing
    failback = files.nodes[0].ha.auto_failback.value
    yield (
        f"timers: keepalive {timing.keepalive:g} s, deadtime {timing.deadtime:g} s, initdead {timing.initdead:g} s; "
        f"auto_failback {failback}"
    )
    if isinstance(topology, TopologyError):
        yield from (f"node {node.name}" for node in files.nodes)
    else:
        for node in topology.nodes:
            yield f"node {node.name}: " + ", ".join(f"{leg.interface} {leg.address}" for leg in node.legs)
    for owner, vip in owned_vips(files):
        yield f"virtual address {vip.address} belongs to {owner}"
    if not isinstance(topology, TopologyError):
        for real in topology.reals:
            ports = ", ".join(map(str, real.ports))
            yield f"real server {real.address}, ports {ports}, gateway {real.gateway or 'none'}"
    if not files.directors:
        return
    yield "IPVS table on the node that holds the virtual address, while all servers answer:"
    for director in files.directors:
        yield from (f"  {line}" for line in as_listed(preview(director.virtuals)))
