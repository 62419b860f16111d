"""What the peer's messages about resources ask of us."""

from __future__ import annotations

from hbeat.core.events import Effect, Level, Note
from hbeat.core.legacy import LegacyOwnership
from hbeat.core.model import Held
from hbeat.core.ownership import Ownership
from hbeat.core.script_requests import TAKEOVER_WORDS
from hbeat.core.wire import Message


def held_in(message: Message) -> Held:
    """Its field rsc_hold; a word of none of the four kinds holds nothing."""
    word = message.text("rsc_hold", "none")
    if word == "failback":
        return Held.FOREIGN
    return Held(word) if word in {held.value for held in Held} else Held.NONE


def obey_peer(type_: str, message: Message, ownership: Ownership | LegacyOwnership, now: float) -> list[Effect]:
    """The effects of one message of the peer, `Say` among them."""
    peer, held, key = message.text("src").lower(), held_in(message), message.text("ipaddr")
    match type_:
        case "starting":
            return ownership.peer_starting(now)
        case "resource":
            stable = message.text("isstable")
            full = message.text("rtype") == "full"
            effects = ownership.peer_report(held, full, stable == "1" if stable else None, now)
            stops = message.text("info") == "shutdown"
            return [*effects, *ownership.expect(now)] if stops else effects
        case "ask_resources":
            return ownership.peer_asks(held, message.text("info"), now)
        case "hb_takeover":
            given = TAKEOVER_WORDS.get(message.text("rsc_hold"), Held.NONE)
            return ownership.give(given, f"hb_takeover of {peer}", now)
        case "shutdone":
            note = Note(Level.INFO, f"Received shutdown notice from '{peer}'.")
            return [note, *ownership.peer_gone("stopped", now)]
        case "ip-request" if isinstance(ownership, LegacyOwnership):
            return ownership.peer_requests(key, now)
        case "ip-request-resp" if isinstance(ownership, LegacyOwnership):
            return ownership.peer_answers(key, message.text("ok"), now)
        case "ip-request" | "ip-request-resp":
            text = f"{type_} {key} of {peer} ignored: auto_failback is legacy there and not here"
            return [Note(Level.ERROR, f"{text}; write the same on both, or groups run nowhere")]
    return [Note(Level.DEBUG, f"message {type_} of {peer}: nothing to do")]
