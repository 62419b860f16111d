"""The daemon's end of the pipe to its keeper (`hbeat.keeper`), and a new keeper when that one has died."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress

from hbeat.core.sending import Target

RESPAWN_PAUSE = 10.0


class KeeperLink:
    """pipe: the end that is written to, None when there is no keeper yet. lock: the daemon's, which both hold.

    command: the arguments of a new keeper, which reads from the first descriptor; the second is this process.
    """

    def __init__(self, pipe: int | None, lock: int, command: Callable[[int, int], list[str]]) -> None:
        self._lock, self._command = lock, command
        self._standing: dict[str, None] = {}
        self._will: list[str] = []
        self._route = b""
        self._waiting = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._respawned_at = float("-inf")
        self._pipe = pipe
        if pipe is not None:
            os.set_blocking(pipe, False)
            os.set_inheritable(pipe, False)

    def fileno(self) -> int:
        """Readable when the keeper is gone; -1 when there is none."""
        return -1 if self._pipe is None else self._pipe

    def stands(self, removal: bytes) -> None:
        """An address stands; the message that removes it."""
        self._standing[removal.hex()] = None
        self._say(f"+ {removal.hex()}\n")

    def gone(self, removal: bytes) -> None:
        """The address was removed."""
        if self._standing.pop(removal.hex(), 0) is None:
            self._say(f"- {removal.hex()}\n")

    def puts_back(self, route: bytes) -> None:
        """The message that adds a route which goes with an address; empty: none does."""
        if route != self._route:
            self._route = route
            self._say(f"r {route.hex()}\n")

    def bequeath(self, targets: Iterable[Target], data: bytes) -> None:
        """The datagram to send to each when this process has died; empty: nothing is to be sent."""
        words = [(to.family, to.interface, to.address, to.port, to.ttl) for to in targets]
        self._will = [" ".join(["w", *map(str, word), data.hex()]) for word in words] if data else []
        for line in ("w", *self._will):
            self._say(f"{line}\n")

    def farewell(self) -> None:
        """The daemon ends in order: its keeper ends with it."""
        self._say("bye\n")

    def has_died(self) -> None:
        """Nobody reads the pipe any more."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        self._waiting = b""

    def respawn(self, now: float) -> bool:
        """A new keeper that knows all that stands, unless the last one is new. Whether there is one. Raises OSError."""
        if self._pipe is not None or now < self._respawned_at + RESPAWN_PAUSE:
            return self._pipe is not None
        self._respawned_at = now
        if self._process is not None:
            self._process.poll()
        theirs, self._pipe = os.pipe()
        pidfd = os.pidfd_open(os.getpid())
        try:
            os.set_blocking(self._pipe, False)
            self._process = subprocess.Popen(
                self._command(theirs, pidfd), pass_fds=(theirs, self._lock, pidfd), stdin=subprocess.DEVNULL, cwd="/"
            )
        except OSError:
            self.has_died()
            raise
        finally:
            os.close(theirs)
            os.close(pidfd)
        for removal in self._standing:
            self._say(f"+ {removal}\n")
        if self._route:
            self._say(f"r {self._route.hex()}\n")
        for line in self._will:
            self._say(f"{line}\n")
        return True

    def _say(self, line: str) -> None:
        """A stopped keeper holds nobody up: what does not fit waits for the next line."""
        if self._pipe is None:
            return  # a new keeper is told everything
        self._waiting += line.encode()
        with suppress(OSError):  # its death is told by the loop
            while self._pipe is not None and self._waiting:
                self._waiting = self._waiting[os.write(self._pipe, self._waiting) :]
