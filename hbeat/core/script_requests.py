"""What a message means that a script wrote to the FIFO (reference sections 2.2 and 11.1).

The original sends such a message on as if it were its own, whatever it says. Here those that ask for something are
obeyed as requests, those that would tell the peer something of this node which only this program can know are refused,
and any other type travels as it is, for the scripts of both nodes.
"""

from __future__ import annotations

from hbeat.core.events import Effect, Level, Note, Say
from hbeat.core.last_will import TYPE as WILL
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.model import Held
from hbeat.core.ownership import Ownership
from hbeat.core.script_messages import Fields

OUR_OWN = frozenset(
    {"status", "starting", "resource", "shutdone", "stonith", "reqnodes", "repnodes", "abort_giveup", "you_are_dead"}
    | {WILL, "num_ping_nodes", "hbapi-clstat", "query-cstatus", "respond-cstatus"}
)
"""Told by this program alone, from what it knows."""
MEMBERSHIP = frozenset({"addnode", "delnode", "setweight", "setsite"})
HEADERS = frozenset({"src", "srcuuid", "destuuid", "seq", "hg", "ts", "ld", "ttl", "auth"})
"""Added to every message that is sent."""

STANDBY_WORDS = {"all": Held.ALL, "local": Held.LOCAL, "foreign": Held.FOREIGN, "failback": Held.FOREIGN}
"""What hb_standby gives up, by its word."""
TAKEOVER_WORDS = {"all": Held.ALL, "local": Held.FOREIGN, "foreign": Held.LOCAL, "failback": Held.FOREIGN}
"""What the receiver of hb_takeover gives up, in its own terms, by the sender's word.

`failback` means "give me my own groups back". The original does not know the word here and gives up everything.
"""


def obey(fields: Fields, ownership: Ownership | LegacyOwnership, now: float) -> list[Effect]:
    """The effects of one message, `Say` among them."""
    said = dict(reversed(fields))
    type_, key = said["t"], said.get("ipaddr", "")
    match type_:
        case "ask_resources" if said.get("info") == "me" and said.get("rsc_hold") in STANDBY_WORDS:
            return ownership.give(STANDBY_WORDS[said["rsc_hold"]], "ask_resources of a script", now)
        case "hb_takeover" if said.get("rsc_hold") in TAKEOVER_WORDS and not ownership.peer_alive:
            return _refused(type_, "there is no live peer")
        case "hb_takeover" if said.get("rsc_hold") in TAKEOVER_WORDS:
            return [Say.of("hb_takeover", rsc_hold=said["rsc_hold"])]
        case "ip-request-resp" if said.get("ok") == "OK" and said.get("dest", ownership.me) == ownership.me:
            try:
                return ownership.by_hand(key, True, now)
            except LookupError as error:
                return _refused(type_, str(error))
        case "ip-request" if isinstance(ownership, LegacyOwnership):
            return ownership.ask_for(key, now)
        case "ask_resources" | "hb_takeover" | "ip-request-resp" | "ip-request":
            return _refused(type_, f"it says {' '.join(f'{name}={value}' for name, value in fields[1:])}")
    if type_ in MEMBERSHIP:
        return _refused(type_, "the nodes of a cluster with haresources are those of ha.cf: change it and restart")
    if type_ in OUR_OWN or type_.startswith("NS_"):
        return _refused(type_, "this program says that itself")
    own = tuple((name, value) for name, value in fields if name not in HEADERS and name not in ("t", "dest"))
    return [Say((("t", type_), *own), said.get("dest", ""))]


def _refused(type_: str, why: str) -> list[Effect]:
    return [Note(Level.WARNING, f"message {type_} of a script refused: {why}")]
