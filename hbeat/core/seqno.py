"""Per sender: which message is new, which a copy, which an echo of the past, and what to ask for again.

Reference section 3.2. Every datagram arrives once per link, so the copy of the last number is the normal case and
proves the second cable. A jump leaves numbers missing; each is asked for after a short random wait and then every
`rexmit_delay` until it comes, is refused (nak) or the sender is given up.
"""

from __future__ import annotations

from enum import Enum
from random import Random

from hbeat.core.model import LinkName, NodeName, PeerRecord

MAX_MISSING = 250
"""A larger gap is not asked for: the counting starts over (section 3.2 rule 7)."""


class Seen(Enum):
    """What one (generation, sequence) pair means, given what came before."""

    NEW = "new"
    LATE = "late"  # was missing, arrived now
    DUPLICATE = "duplicate"  # the copy from the other link
    RESTARTED = "restarted"  # first status of a higher generation
    OLD_SEQUENCE = "sequence number already used"
    OLD_GENERATION = "attempted replay attack: older generation"
    UNPROVEN = "no answer to this start of ours: a recording, or it does not hear us (firewall?)"


class Tracker:
    """What was received from one node.

    Its messages count while its *life* is open: one start of its daemon, told by the generation and, for a node of
    ours, by the nonce in it. Only a status opens a life. floor: what was known before our own start.
    """

    def __init__(self, rexmit_delay: float, random: Random, floor: PeerRecord | None = None) -> None:
        self.generation = floor.generation if floor else 0
        self.ours = floor is not None and floor.ours  # it was one that proves its life
        self.life = ""
        self.last: int | None = None
        self.opened = False  # by the last observation
        self.gap = 0  # numbers lost by the last observation
        self._highest = floor.sequence if floor else 0  # of this generation, kept when it is given up: past stays past
        self._met = False  # a life was open since our own start
        self._on_link: dict[LinkName, int] = {}  # highest number that came over each
        self._missing: dict[int, float] = {}  # number -> when to ask (again)
        self.rexmit_delay = rexmit_delay
        self._random = random

    def record(self, node: NodeName) -> PeerRecord:
        """What has to be known after a restart of ours."""
        return PeerRecord(node, self.generation, self._highest, self.ours)

    def is_open(self, generation: int) -> bool:
        """Messages of this generation count."""
        return self.last is not None and generation == self.generation

    def observe(
        self,
        generation: int,
        sequence: int,
        is_status: bool,
        link: LinkName,
        now: float,
        *,
        life: str = "",
        proven: bool = False,
    ) -> Seen:
        """Judges one message and remembers it. life, proven: of a status of a node of ours (`proof`).

        The copies of a burst come one link after the other, so a copy may be older than the last number. It still
        proves its link if it is newer than all that came over that link; else it is a recording.
        """
        self.gap, self.opened = 0, False
        if self.is_open(generation) and (not is_status or life == self.life):
            seen = self._judge(sequence, now)
        else:
            seen = self._open(generation, sequence, life, proven) if is_status else self._too_early(generation)
        if not (self.is_open(generation) and (not is_status or life == self.life)):
            return seen
        newest = self._on_link.get(link, 0)
        if seen is Seen.OLD_SEQUENCE and newest < sequence <= self._highest:
            seen = Seen.DUPLICATE
        self._on_link[link] = max(newest, sequence)
        return seen

    def _too_early(self, generation: int) -> Seen:
        return Seen.OLD_GENERATION if generation < self.generation else Seen.OLD_SEQUENCE

    def _open(self, generation: int, sequence: int, life: str, proven: bool) -> Seen:
        """The first status of a life, or the first after it was given up."""
        if life and not proven:
            return Seen.OLD_GENERATION if generation < self.generation else Seen.UNPROVEN
        if not life:  # an original; where a node of ours was, it comes with a higher generation
            if generation < self.generation or (generation == self.generation and self.ours):
                return Seen.OLD_GENERATION
            if generation == self.generation and sequence <= self._highest:
                return Seen.OLD_SEQUENCE
        restarted = self._met and (generation, life) != (self.generation, self.life)
        self.forget()
        if (generation, life) != (self.generation, self.life):
            self._on_link.clear()
        self.generation, self.life, self.ours = generation, life, bool(life)
        self.last = self._highest = sequence
        self._met = self.opened = True
        return Seen.RESTARTED if restarted else Seen.NEW

    def _judge(self, sequence: int, now: float) -> Seen:
        """A message of the open life."""
        assert self.last is not None
        if sequence == self.last:
            return Seen.DUPLICATE
        if sequence < self.last:
            return Seen.LATE if self._missing.pop(sequence, None) is not None else Seen.OLD_SEQUENCE
        self._note_gap(sequence, now)
        self.last = self._highest = sequence
        return Seen.NEW

    def _note_gap(self, sequence: int, now: float) -> None:
        assert self.last is not None
        self.gap = sequence - self.last - 1
        if self.gap + len(self._missing) > MAX_MISSING:
            self._missing.clear()
            return
        low = 0.05 if self.rexmit_delay >= 0.1 else 0.0
        for number in range(self.last + 1, sequence):
            self._missing[number] = now + self._random.uniform(low, self.rexmit_delay)

    @property
    def complete(self) -> bool:
        """Nothing is missing: an acknowledgement may be sent (section 3.3)."""
        return not self._missing

    def forget(self) -> None:
        """Forgets what was missing, and closes the life; its past stays known (the node died or restarted)."""
        self.last = None
        self._missing.clear()

    def give_up(self, sequence: int) -> bool:
        """A nak came for this number. True when it was wanted."""
        return self._missing.pop(sequence, None) is not None

    def due(self, now: float) -> list[int]:
        """Numbers to ask for now; each is scheduled again."""
        numbers = sorted(number for number, at in self._missing.items() if at <= now)
        for number in numbers:
            self._missing[number] = now + self.rexmit_delay
        return numbers

    def next_deadline(self) -> float | None:
        return min(self._missing.values(), default=None)
