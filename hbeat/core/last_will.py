"""The last will of a daemon: what its keeper says for it when it has died (the word is MQTT's, version 5, 3.1.2.5).

A daemon that was killed says nothing, and the other node would find out by silence and by questions. Its keeper knows
at once, but neither keys nor numbers. So the daemon signs the message while it lives; its number is above all others of
this generation. Whenever it comes it is new, and it cannot come twice: this life is over then.

It is for a peer of our kind. An original would ask for everything in between.
"""

from __future__ import annotations

from hbeat.core.events import Bequeath, Effect, Say
from hbeat.core.outbox import Outbox

TYPE = "hb_died"
NUMBER = 0xFFFFFFFF


class LastWill:
    """What the keeper holds of it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._made = False

    def settle(self, heir: bool) -> list[Effect]:
        """heir: the peer is one of our kind. Made when it turns out to be, revoked when an original comes instead."""
        if heir is self._made:
            return []
        self._made = heir
        return [self._bequeath()]

    def renew(self) -> list[Effect]:
        """Keys or media are others now."""
        return [self._bequeath()] if self._made else []

    def _bequeath(self) -> Bequeath:
        return Bequeath(self._outbox.sealed(Say.of(TYPE), NUMBER) if self._made else b"")
