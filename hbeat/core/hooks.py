"""Which news the scripts in /etc/ha.d/rc.d are told (reference section 12).

A script is named after a message type: `status` when a node's status has changed, `ifstat` when a link came up or
died, and any other type that travels, ours included. What moves resources is never told, and what other nodes ask of
us is told by them only. A script finds every text field of the message as HA_name in its environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hbeat.core.events import RunHook

NEVER_TOLD = frozenset({"starting", "resource", "shutdone", "reqnodes", "repnodes"})
ASKED_OF_US = frozenset({"hb_takeover", "ip-request"})
VALUE_LIMIT = 4096

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)  # not HA_DIR, HA_BIN and the like: those are ours to say

Fields = Iterable[tuple[str, str]]


class Hooks:
    """installed: the scripts that are there; news for others is dropped."""

    def __init__(self, installed: frozenset[str]) -> None:
        self.installed = installed
        self._told_status: dict[str, str] = {}  # by node

    def news(self, fields: Fields, *, ours: bool, status: str, alone: bool) -> list[RunHook]:
        """What is told of a message, at most one thing. status: our own. alone: nobody could be asked for anything."""
        first: dict[str, str] = {}
        for name, value in fields:
            first.setdefault(name, value)
        type_ = first.get("t", "")
        if type_ == "status" and not self._changed(first):
            return []
        if type_ not in self.installed or type_ in NEVER_TOLD or type_.startswith("NS_"):
            return []
        if ours and type_ in ASKED_OF_US:
            return []
        told = tuple((name, _clean(value)) for name, value in first.items() if _NAME.fullmatch(name))
        circumstances = (("OSTATUS", status), *((("DONTASK", "yes"),) if alone else ()))
        return [RunHook(type_, told + circumstances)]

    def _changed(self, first: dict[str, str]) -> bool:
        node, status = first.get("src", "").lower(), first.get("st", "")
        before, self._told_status[node] = self._told_status.get(node), status
        return status != before


def _clean(value: str) -> str:
    """What an environment can hold."""
    return value.replace("\0", "")[:VALUE_LIMIT]
