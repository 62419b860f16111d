"""Which news the scripts in /etc/ha.d/rc.d are told (reference section 12).

A script is named after a message type: `status` when a node's status has changed, `ifstat` when a link came up or
died, and any other type that travels, ours included. What moves resources is never told, and what other nodes ask of
us is told by them only. A script finds every text field of the message as HA_name in its environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hbeat.core.events import RunHook
from hbeat.core.membership import Peer
from hbeat.core.model import LinkName, NodeName, NodeState
from hbeat.core.wire import Message

NEVER_TOLD = frozenset({"starting", "resource", "shutdone", "reqnodes", "repnodes"})
ASKED_OF_US = frozenset({"hb_takeover", "ip-request"})
VALUE_LIMIT = 4096

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)  # not HA_DIR, HA_BIN and the like: those are ours to say


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What every script is told beside the message. status: our own. alone: nobody could be asked for anything."""

    status: str
    alone: bool


class Hooks:
    """installed: the scripts that are there; news for others is dropped."""

    def __init__(self, installed: frozenset[str]) -> None:
        self.installed = installed
        self._told_status: dict[NodeName, str] = {}
        self._told_links: dict[tuple[NodeName, LinkName], bool] = {}

    def news(self, message: Message, circumstances: Circumstances, *, ours: bool) -> list[RunHook]:
        """What is told of a message, at most one thing. ours: we sent it."""
        if not self.installed:
            return []
        first = dict(reversed(message.texts))
        type_ = first.get("t", "")
        if type_ == "status" and not self._changed(first):
            return []
        if type_ not in self.installed or type_ in NEVER_TOLD or type_.startswith("NS_"):
            return []
        if ours and type_ in ASKED_OF_US:
            return []
        told = tuple((name, _clean(value)) for name, value in first.items() if _NAME.fullmatch(name))
        alone = (("DONTASK", "yes"),) if circumstances.alone else ()
        return [RunHook(type_, (*told, ("OSTATUS", circumstances.status), *alone))]

    def _changed(self, first: dict[str, str]) -> bool:
        node, status = first.get("src", "").lower(), first.get("st", "")
        before, self._told_status[node] = self._told_status.get(node), status
        return status != before

    def links(self, peer: Peer, circumstances: Circumstances) -> list[RunHook]:
        """The local notice `ifstat` for each link to this node that came up or died since it was told last."""
        hooks: list[RunHook] = []
        for name, link in peer.links.items() if self.installed else ():
            before = self._told_links.get((peer.name, name), False)
            if link.up is not before:
                self._told_links[peer.name, name] = link.up
                state = "up" if link.up else "dead"
                notice = Message.of([("t", "ifstat"), ("node", peer.name), ("ifname", name), ("st", state)])
                hooks += self.news(notice, circumstances, ours=False)
        return hooks

    def death(self, peer: Peer, circumstances: Circumstances) -> list[RunHook]:
        """The local notice that a node is dead."""
        notice = Message.of([("t", "status"), ("src", peer.name), ("st", NodeState.DEAD.value)])
        return self.news(notice, circumstances, ours=False)

    def pings(self, pings: Iterable[Peer], circumstances: Circumstances) -> list[RunHook]:
        """The local notices `ifstat` and `status` for each ping node that came up or died since it was told last."""
        hooks: list[RunHook] = []
        for ping in pings if self.installed else ():
            hooks += self.links(ping, circumstances)
            if ping.status != NodeState.INIT.value:
                notice = Message.of([("t", "status"), ("src", ping.name), ("st", ping.status), ("info", "ping")])
                hooks += self.news(notice, circumstances, ours=False)
        return hooks


def _clean(value: str) -> str:
    """What an environment can hold."""
    return value.replace("\0", "")[:VALUE_LIMIT]
