"""hb_addnode, hb_delnode, hb_setweight and hb_setsite: refused, each with what does it instead.

With heartbeat they change a running cluster of CRM style. One with haresources has the nodes of its ha.cf, and the
original refuses there as well, in its log; here whoever asks is told, and the exit status is 1.
"""

from __future__ import annotations

import sys

REFUSED = 1

_NODES = "a cluster with haresources has the nodes of its ha.cf: change the node line on both nodes, and restart them"
_QUORUM = "nodes of a cluster with haresources have none: it is for quorum and Pacemaker, which are not used here"

REASONS = {"hb_addnode": _NODES, "hb_delnode": _NODES, "hb_setweight": _QUORUM, "hb_setsite": _QUORUM}
"""What each says."""


def refuse(program: str) -> int:
    """Says why not; the exit status."""
    print(f"{program}: {REASONS[program]}", file=sys.stderr)
    return REFUSED


def addnode_main() -> int:
    return refuse("hb_addnode")


def delnode_main() -> int:
    return refuse("hb_delnode")


def setweight_main() -> int:
    return refuse("hb_setweight")


def setsite_main() -> int:
    return refuse("hb_setsite")
