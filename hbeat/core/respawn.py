"""When a program of a respawn line is started again (reference section 10.1).

At once after a life that was long enough, after a pause when it was short, never again after exit status 100, nor when
it has died young too often.
"""

from __future__ import annotations

from dataclasses import dataclass

NEVER_AGAIN = 100
"""The exit status by which a program asks for that."""
SHORT = 30.0
"""Seconds; a life below is a short one."""
PAUSE = 1.0
SHORT_LIVES = 10
"""So many are forgiven, unless a long life lies between."""


@dataclass(slots=True)
class Rebirth:
    """The rule for one program."""

    short_lives: int = 0

    def ended(self, status: int, lived: float) -> tuple[float | None, str]:
        """Seconds until the next start, None for never, and why. status: negative for a signal; lived: in seconds."""
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        if status == NEVER_AGAIN:
            return None, f"has ended ({how}), and asks not to be started again"
        self.short_lives = self.short_lives + 1 if lived < SHORT else 0
        if self.short_lives > SHORT_LIVES:
            return None, f"has ended ({how}): respawning too fast, it is not started again"
        if self.short_lives:
            return PAUSE, f"has ended ({how}); starting it again in {PAUSE:g} s"
        return 0.0, f"has ended ({how}); starting it again"
