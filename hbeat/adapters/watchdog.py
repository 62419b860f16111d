"""The watchdog device: the kernel resets this machine when it is not written to for a while.

It is fed by the loop, and only by a turn that has done the timers' work: a daemon that hangs, or meets the same error
again and again, is a dead node which may still hold addresses. "V" before the end tells the driver that the end is
meant; a daemon that dies otherwise takes the machine with it, as heartbeat does.
"""

from __future__ import annotations

import os
from contextlib import suppress

FOOD, FAREWELL = b"\0", b"V"


class Watchdog:
    """Opens the device, which starts it. Raises OSError."""

    def __init__(self, device: str) -> None:
        self._descriptor = os.open(device, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        self._fed = float("-inf")

    def feed(self, now: float, every: float) -> str:
        """Writes to it, at most once in so many seconds. Returns a problem, or nothing."""
        if now < self._fed + every:
            return ""
        self._fed = now
        try:
            os.write(self._descriptor, FOOD)
        except OSError as error:
            return f"the watchdog device cannot be written to: {error.strerror}; it will reset this machine"
        return ""

    def close(self) -> None:
        """An orderly end: the machine goes on."""
        with suppress(OSError):
            os.write(self._descriptor, FAREWELL)
        os.close(self._descriptor)
