"""Is this status of now, or a recording? Between nodes of ours a challenge answers that.

Whoever can listen to a network can send again what was sent there, with a signature that is right. Sequence numbers
catch it while a node remembers them; after a restart, or after hours in which it was down, it has nothing to compare
with. So every node puts a word into its status messages that was never there before, its nonce, and repeats the nonces
of the other node. A life of the peer is opened (its first status believed: after our start, after its restart, after
its death) only by a status that repeats our present nonce: nobody can have recorded that before. Then the nonce is
changed. Within an open life sequence numbers do the rest (`seqno`), so a peer that hears us no more stays believed:
whether a cable is dead in one direction must not look like an attack.

A proof outweighs generations: a peer of ours whose generation file was lost or set back is heard all the same.
Originals cannot prove anything; for them generations and sequence numbers on our disk are all there is.
"""

from __future__ import annotations

from random import Random

from hbeat.core.hello import Hello

REPEATED = 4
"""So many nonces of the peer are repeated, so that a recording cannot push out the true one."""
ANSWER_TIME = 1.0
"""Seconds after which a node that hears us would have repeated our nonce."""
HURRY_PAUSE = 0.05
"""Seconds between two status messages that are sent because somebody waits for a proof."""


class Proof:
    """Our nonce, and those of the peer. random: for the part of it that is new at each start."""

    def __init__(self, random: Random) -> None:
        self._life = f"{random.getrandbits(64):016x}"
        self._turn = 0
        self._heard: dict[str, float] = {}  # nonce -> when it was first heard, oldest first
        self._hurried_at = float("-inf")

    @property
    def nonce(self) -> str:
        return f"{self._life}.{self._turn}"

    @property
    def echoes(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def renew(self) -> None:
        """What was proved so far proves nothing from now on: the peer's life was opened, or given up."""
        self._turn += 1

    def hear(self, hello: Hello, now: float) -> float:
        """Remembers the nonce for repeating it; since when it is known."""
        since = self._heard.pop(hello.nonce, now)
        self._heard[hello.nonce] = since
        if len(self._heard) > REPEATED:
            del self._heard[next(iter(self._heard))]
        return since

    def given_by(self, hello: Hello) -> bool:
        """Its sender has heard the nonce we send now."""
        return self.nonce in hello.echoes

    def is_of_this_life(self, hello: Hello) -> bool:
        """Its sender has heard this daemon, not an earlier one of this node."""
        return any(echo.startswith(f"{self._life}.") for echo in hello.echoes)

    def may_hurry(self, now: float) -> bool:
        """Whether to answer at once. A flood of recordings gets the same few answers as one."""
        if now - self._hurried_at < HURRY_PAUSE:
            return False
        self._hurried_at = now
        return True
