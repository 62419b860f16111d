"""An IPVS table as text in the form of `ipvsadm -Sn`, the commands that rebuild it (ipvsadm_list.py has that of -Ln).

This is for comparing tables: virtuals are sorted by protocol flag and address as text, reals as text.
"""

from __future__ import annotations

from ldirector.core.model import (
    Forwarding,
    Protocol,
    RealState,
    Table,
    VirtualKey,
    VirtualState,
    real_name,
    virtual_name,
)

_FLAG = {Protocol.TCP.value: "-t", Protocol.UDP.value: "-u", Protocol.FWM.value: "-f"}
_SAVED = {Forwarding.GATE: "-g", Forwarding.MASQ: "-m", Forwarding.IPIP: "-i"}


def saved(table: Table) -> list[str]:
    """The lines of `ipvsadm -Sn`."""
    lines = []
    for name, key in _sorted(table):
        service = table[key]
        lines.append(f"-A {name} {_saved_state(service.state)}")
        lines += sorted(f"-a {name} -r {real_name(real)} {_saved_real(to)}" for real, to in service.reals.items())
    return lines


def _sorted(table: Table) -> list[tuple[str, VirtualKey]]:
    return sorted((_saved_name(key), key) for key in table)


def _saved_name(key: VirtualKey) -> str:
    family = " -6" if key.mark and key.family == 6 else ""
    return f"{_FLAG[key.protocol]} {virtual_name(key)}{family}"


def _saved_state(state: VirtualState) -> str:
    words = [f"-s {state.scheduler}"]
    if state.persistent:
        words.append(f"-p {state.persistent}")
    if state.netmask:
        words.append(f"-M {state.netmask}")
    if state.schedflags:
        words.append(f"-b {','.join(state.schedflags)}")
    if state.ops:
        words.append("-o")
    return " ".join(words)


def _saved_real(state: RealState) -> str:
    tunnel = " --tun-type ipip" if state.forwarding is Forwarding.IPIP else ""
    return f"{_SAVED[state.forwarding]} -w {state.weight}{tunnel}"
