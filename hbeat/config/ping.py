"""The lines of ha.cf that name hosts to be asked for an echo: ping, ping6 and ping_group (reference section 10.2).

    ping HOST...     ping6 HOST...     ping_group NAME HOST...

Each host is a ping node of its own name; a group is one ping node, there as long as any of its hosts answers. Lines
with the same name are one ping node, as in the original: `ping gw` and `ping6 gw` ask both addresses of gw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from hbeat.config.values import is_host
from hbeat.core.model import PingKind, PingNode


@dataclass(frozen=True, slots=True)
class PingHost:
    """Where to send: an address or host name as written, of this family (4 or 6), with the line that names it."""

    address: str
    family: int
    line: int


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping node and the hosts that answer for it."""

    node: PingNode
    hosts: tuple[PingHost, ...]


def read_pings(name: str, words: list[str], line: int) -> list[Ping]:
    """The ping nodes of one line. Raises ValueError "what; cure"."""
    if name == "ping_group":
        if len(words) < 2:
            raise ValueError("ping_group takes a name and hosts; write ping_group NAME HOST ...")
        hosts = tuple(_host("ping_group", word, line) for word in words[1:])
        return [Ping(PingNode(words[0].lower(), PingKind.GROUP), hosts)]
    return [Ping(PingNode(word.lower(), PingKind(name)), (_host(name, word, line),)) for word in words]


def joined(pings: list[Ping]) -> tuple[Ping, ...]:
    """One ping node per name, with the hosts of all lines of that name, each once."""
    by_name: dict[str, Ping] = {}
    for ping in pings:
        known = by_name.setdefault(ping.node.name, ping)
        places = {(host.address, host.family) for host in known.hosts}
        new = tuple(host for host in ping.hosts if (host.address, host.family) not in places)
        by_name[ping.node.name] = replace(known, hosts=known.hosts + new)
    return tuple(by_name.values())


def _host(name: str, word: str, line: int) -> PingHost:
    address = _ipv6(word)
    if name == "ping6":
        if address is not None and address.is_link_local:
            raise ValueError(f"ping6 host {word} exists on every link; write one of its global addresses")
        if address is None and (not is_host(word) or word.replace(".", "").isdigit()):
            raise ValueError(f"ping6 host {word} is neither an IPv6 address nor a host name; write ping for IPv4")
        return PingHost(word, 6, line)
    if not is_host(word):
        other = "write ping6" if address is not None and name == "ping" else "correct it"
        raise ValueError(f"{name} host {word} is neither an IPv4 address nor a host name; {other}")
    return PingHost(word, 4, line)


def _ipv6(word: str) -> IPv6Address | None:
    try:
        return IPv6Address(word)
    except ValueError:
        return None
