"""Our own shortage: no time, no descriptors, no memory. While it lasts nobody else is blamed.

A check that could not be made (NOT_RUN) because of this machine is a sign of it. For QUIET seconds after each sign no
failed check takes a server down - it may have failed because of us - and each is made again when they are over. And
all checks slow down: from the second sign on their intervals double, once a second at most and up to MAX_STRETCH
times, so that a machine that cannot keep up gets a load it can carry instead of a growing heap of late checks. Without
signs the intervals halve every RECOVERY seconds.

    calm --sign--> short --QUIET without a sign--> recovering --intervals as they should be--> calm
                     ^------------sign-----------------'
"""

from __future__ import annotations

QUIET = 2.0
STEP = 1.0  # seconds from one doubling to the next
RECOVERY = 5.0  # seconds from one halving to the next
MAX_STRETCH = 16


class Shortage:
    """One for the whole daemon."""

    def __init__(self) -> None:
        self._until: float | None = None  # the end of being short, or the next halving
        self._recovering = False
        self._doubled = 0.0
        self._stretch = 1

    @property
    def stretch(self) -> int:
        """How many intervals a check waits for its next turn."""
        return self._stretch

    @property
    def is_on(self) -> bool:
        """No failed check counts now."""
        return self._until is not None and not self._recovering

    @property
    def trusted_at(self) -> float | None:
        """When failed checks count again, if no sign comes; None when they do."""
        return self._until if self.is_on else None

    def sign(self, now: float) -> bool:
        """A check could not be made; True when all was calm before."""
        was_calm = self._until is None
        if was_calm:
            self._doubled = now
        elif now - self._doubled >= STEP:
            self._stretch = min(MAX_STRETCH, self._stretch * 2)
            self._doubled = now
        self._until = now + QUIET
        self._recovering = False
        return was_calm

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called."""
        return self._until

    def handle_timer(self, now: float) -> bool:
        """True when all is calm again."""
        while self._until is not None and self._until <= now:
            self._stretch = self._stretch // 2 if self._recovering else self._stretch
            self._recovering = True
            if self._stretch <= 1:
                self._until, self._recovering, self._stretch = None, False, 1
                return True
            self._until += RECOVERY
        return False
