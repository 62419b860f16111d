"""Per sender: which message is new, which a copy, which an echo of the past, and what to ask for again.

Reference section 3.2. Every datagram arrives once per link, so the copy of the last number is the normal case and
proves the second cable. A jump leaves numbers missing; each is asked for after a short random wait and then every
`rexmit_delay` until it comes, is refused (nak) or the sender is given up.
"""

from __future__ import annotations

from enum import Enum
from random import Random

from hbeat.core.model import LinkName

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


class Tracker:
    """What was received from one node."""

    def __init__(self, rexmit_delay: float, random: Random) -> None:
        self.generation = 0
        self.last: int | None = None
        self._highest = 0  # of this generation, kept when the node is given up: its past stays the past
        self.gap = 0  # numbers lost by the last observation
        self._on_link: dict[LinkName, int] = {}  # highest number that came over each
        self._missing: dict[int, float] = {}  # number -> when to ask (again)
        self._delay = rexmit_delay
        self._random = random

    def observe(self, generation: int, sequence: int, is_status: bool, link: LinkName, now: float) -> Seen:
        """Judges one message and remembers it.

        The copies of a burst come one link after the other, so a copy may be older than the last number. It still
        proves its link if it is newer than all that came over that link; else it is a recording.
        """
        seen = self._judge(generation, sequence, is_status, now)
        if seen is Seen.OLD_GENERATION:
            return seen
        newest = self._on_link.get(link, 0)
        if seen is Seen.OLD_SEQUENCE and newest < sequence <= self._highest and generation == self.generation:
            seen = Seen.DUPLICATE
        self._on_link[link] = max(newest, sequence)
        return seen

    def _judge(self, generation: int, sequence: int, is_status: bool, now: float) -> Seen:
        self.gap = 0
        if generation < self.generation:
            return Seen.OLD_GENERATION
        if generation > self.generation:
            if not is_status and self.generation:
                return Seen.OLD_SEQUENCE  # only a status may open a new generation (rule 3)
            known = self.generation != 0
            self.generation = generation
            self.forget()
            self._on_link.clear()
            self.last = self._highest = sequence
            return Seen.RESTARTED if known else Seen.NEW
        if self.last is None:
            if sequence <= self._highest:
                return Seen.OLD_SEQUENCE
            self.last = self._highest = sequence
            return Seen.NEW
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
        low = 0.05 if self._delay >= 0.1 else 0.0
        for number in range(self.last + 1, sequence):
            self._missing[number] = now + self._random.uniform(low, self._delay)

    @property
    def complete(self) -> bool:
        """Nothing is missing: an acknowledgement may be sent (section 3.3)."""
        return not self._missing

    def forget(self) -> None:
        """Forgets sequence numbers; the generation stays (the node died or restarted)."""
        self.last = None
        self._missing.clear()

    def give_up(self, sequence: int) -> bool:
        """A nak came for this number. True when it was wanted."""
        return self._missing.pop(sequence, None) is not None

    def due(self, now: float) -> list[int]:
        """Numbers to ask for now; each is scheduled again."""
        numbers = sorted(number for number, at in self._missing.items() if at <= now)
        for number in numbers:
            self._missing[number] = now + self._delay
        return numbers

    def next_deadline(self) -> float | None:
        return min(self._missing.values(), default=None)
