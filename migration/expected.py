"""The IPVS tables that the nodes should have, as the lines of `ipvsadm -Sn`. Pure.

They follow from ldirectord.cf, from who holds the virtual addresses, and from which real server is down; the daemons
are not asked. Virtuals whose checks the lab's servers cannot answer - external commands, mail, databases - are left
out: nobody here knows what they will say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from ldirector.core.events import CheckSpec
from ldirector.core.health import State
from ldirector.core.model import RealKey, Service, Virtual, VirtualKey
from ldirector.core.negotiate import Probe, choose
from ldirector.core.pool import wanted
from ldirector.core.preview import preview_of
from ldirector.core.render import saved


def expected_tables(
    virtuals: Iterable[Virtual], holder: Mapping[IPv4Address, str], otherwise: str, down: str | None
) -> dict[str, list[str]]:
    """Node -> lines. holder: who has which virtual address; otherwise: who has the virtuals without one (marks).

    down: the address of the real server that does not answer.
    """
    tables: dict[str, dict[VirtualKey, Service]] = {}
    for virtual in virtuals:
        if is_judged(virtual):
            node = _node_of(virtual, holder) or otherwise
            tables.setdefault(node, {})[virtual.key] = preview_of(virtual, down)
    return {node: saved(table) for node, table in tables.items()}


def is_judged(virtual: Virtual) -> bool:
    """Whether the lab's servers can answer its checks as the real ones do."""
    checks = (choose(virtual, real).check for real in virtual.reals)
    return all(_is_answered(check.spec) for check in checks if isinstance(check, Probe))


def _is_answered(spec: CheckSpec) -> bool:
    return spec.method in ("connect", "ping") or spec.service == "http"


def without(lines: Iterable[str], virtuals: Iterable[Virtual]) -> list[str]:
    """Lines of `ipvsadm -Sn` without these virtuals, blanks squeezed."""
    names = {" ".join(line.split()[1:3]) for v in virtuals for line in saved({v.key: wanted(v, _all_down(v))})}
    squeezed = (" ".join(line.split()) for line in lines)
    return [line for line in squeezed if line and " ".join(line.split()[1:3]) not in names]


def _node_of(virtual: Virtual, holder: Mapping[IPv4Address, str]) -> str | None:
    if virtual.key.family != 4 or not virtual.key.address:
        return None
    return holder.get(IPv4Address(virtual.key.address))


def _all_down(virtual: Virtual) -> dict[RealKey, State]:
    return {real.key: State.DOWN for real in virtual.reals}
