"""hbeat.yaml: what ha.cf cannot say. The file is optional, and so is everything in it.

    vip_lease: 1s           # or off: the kernel keeps an address for ever, whatever becomes of this daemon
    keeper: on
    arp_guard: on
    arp_guard_limit: 30s    # for an original heartbeat as peer; one deadtime without this line
    stall_rule: on
    link_hold_down: 10s     # or off: a pulled cable moves nothing, ipfail and deadtime do
    warm_standby: on        # or off: ldirectord is started by a takeover, as the old heartbeat did
    connection_sync: eth1/5 # interface and syncid, which is 0 if it is left out; off: connections die with their node
    failback_limit: 15s
    sysctl: tell            # or manage, or off
    arp_repeat: 10          # rounds of gratuitous ARP for an address that has come here
    arp_interval: 500ms     # from one to the next

An unknown key is an error with its line and the key that may have been meant. Times are written as in ha.cf (2, 0.5,
500ms), or with an s.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from hbeat.config.errors import Problems
from hbeat.config.values import parse_time
from hbeat.core.builtin import parse_sync_place
from hbeat.core.model import Safety, Sessions, SyncPlan, SysctlRule

LONGEST_LEASE = 3600
MOST_ROUNDS, SHORTEST_PAUSE = 1000, 0.01
_SWITCHES = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


class Entry(NamedTuple):
    """One setting as it is written, with its line."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: its form and default for the manual, what it does, and what reads it, or raises ValueError."""

    name: str
    form: str
    default: str
    meaning: str
    read: Callable[[str], object]


class Extras(NamedTuple):
    """All of the file."""

    safety: Safety = Safety()
    sessions: Sessions = Sessions()


def parse_settings(entries: Iterable[Entry], file: str) -> Extras:
    """The settings. Raises ConfigError with the problems of every line."""
    problems = Problems(file)
    values: dict[str, Any] = {}
    for entry in entries:
        row = SETTINGS.get(entry.name)
        if row is None:
            problems.error(entry.line, f"{entry.name!r}: there is no such setting", _suggestion(entry.name))
            continue
        try:
            value = row.read(entry.text)
            values[entry.name] = replace(value, line=entry.line) if isinstance(value, SyncPlan) else value
        except ValueError as error:
            what, _, cure = str(error).rpartition("; ")
            problems.error(entry.line, f"{entry.name}: {what}", cure)
    problems.raise_errors()
    sessions = {name: values.pop(name) for name in _SESSIONS if name in values}
    return Extras(Safety(**values), Sessions(**sessions))


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, SETTINGS, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(SETTINGS)}"


def _switch(text: str) -> bool:
    switch = _SWITCHES.get(text.lower())
    if switch is None:
        raise ValueError("neither on nor off; write on or off")
    return switch


def _time(text: str) -> float:
    seconds = parse_time(text.removesuffix("s") if text[-2:-1].isdigit() else text)
    if seconds <= 0:
        raise ValueError("no time at all; write a longer one")
    return seconds


def _time_or_off(text: str, usual: str) -> float | None:
    switch = _SWITCHES.get(text.lower())
    if switch:
        raise ValueError(f"how long has to be said; write {usual}, or remove the line")
    return _time(text) if switch is None else None


def _hold_down(text: str) -> float | None:
    return _time_or_off(text, "10s")


def _lease(text: str) -> int | None:
    seconds = _time_or_off(text, "1s")
    if seconds is None:
        return None
    if seconds != int(seconds) or seconds > LONGEST_LEASE:
        raise ValueError(f"the kernel has whole seconds only, here 1 to {LONGEST_LEASE}; write 1s, 2s or off")
    return int(seconds)


def _sync_plan(text: str) -> SyncPlan | None:
    switch = _SWITCHES.get(text.lower())
    if switch:
        raise ValueError("on which interface has to be said; write eth1, or eth1/5 with a syncid")
    return parse_sync_place(text) if switch is None else None


def _sysctl(text: str) -> SysctlRule:
    if _SWITCHES.get(text.lower()) is False:  # YAML's own notion of the word off
        return SysctlRule.OFF
    try:
        return SysctlRule(text)
    except ValueError:
        raise ValueError("neither tell, manage nor off; write one of them") from None


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_ROUNDS):
        raise ValueError(f"not 1 to {MOST_ROUNDS}; write how often, 10 as usual")
    return int(text)


def _pause(text: str) -> float:
    seconds = _time(text)
    if seconds < SHORTEST_PAUSE:
        raise ValueError(f"shorter than {SHORTEST_PAUSE * 1000:g}ms; write a longer one, 500ms as usual")
    return seconds


_SESSIONS = ("warm_standby", "connection_sync", "failback_limit", "sysctl", "arp_repeat", "arp_interval")

SETTINGS = {
    row.name: row
    for row in (
        Setting(
            "vip_lease",
            "1s | off",
            "1s",
            "Virtual addresses are lent by the kernel for so many whole seconds, and this daemon asks for them again "
            "five times in that time. If it is killed, stopped or gets no processor, they vanish by themselves, "
            "at the latest a lease and a quarter of a second after the last request, on an idle machine with Linux "
            "6.13 or newer some later (SAFETY). "
            "off: they stay until somebody removes them.",
            _lease,
        ),
        Setting(
            "keeper",
            "on | off",
            "on",
            "A small process that knows nothing but the addresses which stand here. When the daemon dies without "
            "having said that it ends, it removes them at once and starts the daemon again: at once, then after 1, 2, "
            "4 and up to 60 seconds.",
            _switch,
        ),
        Setting(
            "arp_guard",
            "on | off",
            "on",
            "Before addresses of a node that has fallen silent are taken, the network is asked who has them (RFC 5227, "
            "for IPv6 by neighbour solicitation), from half of deadtime on. Nothing is taken while anybody answers. "
            "Where nobody does, this costs no time. A node of hbeat is asked for when its heartbeat is late: if its "
            "machine answers for itself and not for its virtual addresses, they are taken without waiting for "
            "deadtime.",
            _switch,
        ),
        Setting(
            "arp_guard_limit",
            "TIME",
            "one deadtime",
            "How long after its death a silent heartbeat 3.0.6 is waited for in that way: its addresses stay behind "
            "when it crashes. Then they are taken, as it would do. A node of hbeat, and one that was never heard, is "
            "waited for without limit.",
            _time,
        ),
        Setting(
            "stall_rule",
            "on | off",
            "on",
            "A node whose loop came late by more than half of vip_lease or deadtime, whichever is shorter, takes what "
            "it knew for stale, says so, and listens to what has arrived meanwhile before anything else. If it was "
            "late by deadtime less keepalive, or by initdead where the other node has stopped in order, it drops its "
            "addresses first. See SAFETY.",
            _switch,
        ),
        Setting(
            "link_hold_down",
            "TIME | off",
            "10s",
            "A node that has no carrier on more interfaces of its groups than the other one hands everything over at "
            "once, without waiting for deadtime. It gets its groups back when the cable has been in for so long, "
            "twice as long with each time in ten minutes. Beside a heartbeat 3.0.6, and where both miss as many, "
            "nothing moves. off: no cable moves anything.",
            _hold_down,
        ),
        Setting(
            "warm_standby",
            "on | off",
            "on",
            "ldirectord runs on both nodes: where it does not serve, it checks the real servers and writes nothing to "
            "the kernel, and a takeover is a word to it. off: it is started and stopped with its group, as the old "
            "heartbeat did, so a takeover lasts as long as its start and a node that comes back is not waited for. "
            "Read at the start.",
            _switch,
        ),
        Setting(
            "connection_sync",
            "INTERFACE[/SYNCID] | off",
            "off",
            "Each node tells the other one of the connections of its clients, so that open ones survive when addresses "
            "move: the kernel's IPVS synchronisation daemons, master and backup, run on both nodes as long as hbeat "
            "does. The interface is one between the nodes; the syncid, 0 to 255, the same on both. See CONNECTIONS.",
            _sync_plan,
        ),
        Setting(
            "failback_limit",
            "TIME",
            "15s",
            "So long, at most, groups wait before they go home: until ldirectord there has looked at every real "
            "server, and, with connection_sync, until that node knows the connections of this one.",
            _time,
        ),
        Setting(
            "sysctl",
            "tell | manage | off",
            "tell",
            "Kernel settings that hold up clients when addresses move: tell warns of those that are otherwise than "
            "they should be, with what comes of it, manage sets them. See KERNEL SETTINGS.",
            _sysctl,
        ),
        Setting(
            "arp_repeat",
            "NUMBER",
            "10",
            "In so many rounds a virtual address is announced where it has come: a gratuitous ARP request, and a reply "
            "half an interval later, or as many unsolicited neighbour advertisements. The first frame goes out with "
            "the address. ARP_REPEAT of the script IPaddr.",
            _rounds,
        ),
        Setting(
            "arp_interval",
            "TIME",
            "500ms",
            "From one round to the next. ARP_INTERVAL_MS of the script IPaddr.",
            _pause,
        ),
    )
}
"""The settings by name, in the order of the manual."""
