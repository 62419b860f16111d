"""A reload: the files' new content, everything it needs opened, and what of it has to wait for a restart.

All that can fail happens here, before anything is changed: a file with an error, or a line that this machine cannot do,
leaves the daemon as it was. Media and ping nodes are opened beside those in use; the loop then changes over between two
heartbeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from hbeat.adapters.icmp import Pinger, PingError, open_pings
from hbeat.adapters.udp import Media, open_media
from hbeat.config.directives import DIRECTIVES
from hbeat.config.errors import ConfigError, Problem, Severity
from hbeat.config.ha_config import HaConfig
from hbeat.core.model import Failback
from hbeat.load import HA_DIR, Configuration, load
from hbeat.machine import shortcomings, unresolved
from hbeat.shared_files import SharedFiles

HA_CF = str(HA_DIR / "ha.cf")


@dataclass(frozen=True)
class Change:
    """What a reload takes up. shared: the digests for it. media, pinger: None where they stay as they are.

    warnings: what the operator is told.
    """

    config: Configuration
    shared: SharedFiles
    media: Media | None
    pinger: Pinger | None
    warnings: list[str]


def prepare(old: Configuration, media: Media, pinger: Pinger) -> Change:
    """Reads the files and opens what is new. Raises ConfigError or OSError, with nothing left open."""
    new = load()
    if new.node != old.node:
        what = f"this machine is called {new.node} now, and its heartbeat runs as {old.node}"
        cure = f"call it {old.node} (nodeinfo, or else `uname -n`), or restart"
        raise ConfigError([Problem(str(HA_DIR / "nodeinfo"), 0, Severity.ERROR, what, cure)])
    if old.groups and not new.groups:
        what = f"it has no groups any more, and {len(old.groups)} of them run here or there"
        cure = "put them back; to stop all of them, stop heartbeat on both nodes"
        raise ConfigError([Problem(str(HA_DIR / "haresources"), 0, Severity.ERROR, what, cure)])
    unresolved(new)
    warnings = [*map(str, new.warnings), *shortcomings(new), *waiting_for_restart(old.ha, new.ha)]
    kept = replace(new.safety, vip_lease=old.safety.vip_lease, keeper=old.safety.keeper)
    if kept != new.safety:
        warnings.append(f"{HA_DIR / 'hbeat.yaml'}: vip_lease or keeper is not what it was; a restart takes it up")
        new = replace(new, safety=kept)
    if new.sessions.warm_standby is not old.sessions.warm_standby:
        warnings.append(f"{HA_DIR / 'hbeat.yaml'}: warm_standby is not what it was; a restart takes it up")
        new = replace(new, sessions=replace(new.sessions, warm_standby=old.sessions.warm_standby))
    shared = SharedFiles(new)
    new_media: Media | None = None
    new_pinger: Pinger | None = None
    if _media(new.ha) != _media(old.ha):
        check_hosts(((m.family, m.address, m.line) for m in new.ha.media), media.addresses)
        new_media, absent = open_media(new.ha.media, media.addresses)
        warnings += absent
    try:
        if _pings(new.ha) != _pings(old.ha):
            hosts = ((host.family, host.address, host.line) for ping in new.ha.ping_nodes for host in ping.hosts)
            check_hosts(hosts, pinger.addresses)
            new_pinger, unasked = open_pings(new.ha.ping_nodes, pinger.addresses)
            warnings += unasked
    except (ConfigError, PingError):
        if new_media is not None:
            new_media.close()
        raise
    return Change(new, shared, new_media, new_pinger, warnings)


def waiting_for_restart(old: HaConfig, new: HaConfig) -> Iterator[str]:
    """One line for each change that only a restart takes up, with its place."""
    before, after = dict(old.parameters), dict(new.parameters)
    for row in DIRECTIVES.values():
        if not row.at_reload and before.get(row.name) != after.get(row.name):
            yield _waits(new, row.name, f"{row.name} is not what it was at the start")
    if (old.auto_failback is Failback.LEGACY) is not (new.auto_failback is Failback.LEGACY):
        yield _waits(new, "auto_failback", "auto_failback from or to legacy", "a restart, on both nodes,")
    if old.ipfail is not new.ipfail and old.auto_failback is new.auto_failback:
        yield _waits(new, "respawn", "respawn of ipfail has come or gone")


def _waits(config: HaConfig, name: str, what: str, restart: str = "a restart") -> str:
    line = dict(config.lines).get(name, 0)
    return str(Problem(HA_CF, line, Severity.WARNING, what, f"{restart} takes it up"))


def _media(config: HaConfig) -> list[object]:
    return [replace(medium, line=0) for medium in config.media]


def _pings(config: HaConfig) -> list[object]:
    return [(ping.node, [replace(host, line=0) for host in ping.hosts]) for ping in config.ping_nodes]


def check_hosts(hosts: Iterable[tuple[int, str, int]], known: Mapping[tuple[int, str], str]) -> None:
    """Raises ConfigError for names that would have to be looked up: no heartbeat waits for a name server."""
    problems = [
        Problem(
            HA_CF,
            line,
            Severity.ERROR,
            f"{name} would have to be looked up, which holds up heartbeats",
            "write its address, or restart",
        )
        for family, name, line in hosts
        if (family, name) not in known and not _is_address(name)
    ]
    if problems:
        raise ConfigError(problems)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
