"""The two clocks that a lease is measured with (clock_gettime(2))."""

from __future__ import annotations

import time

from hbeat.core.lease import Clocks


def read_clocks() -> Clocks:
    """This moment."""
    return Clocks(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
