"""What may be asked through the control socket; hbeat and the ldirectord command ask.

A request is words on one line; its answer has "ok" and, in order:
    status         role, ready, config, pid, virtuals
    role active    answered after the table is written: role; `role active vouched`: the other node saw servers while
                   this one saw none, and its word counts until this one sees some (core/word.py)
    unvouch        the other node sees none any more: this one's own view counts
    role standby   answered after our part of the table is gone: role
    ready SECONDS  answered when every real has a verdict, or after SECONDS: ready; blind: all of them are down
    reload         answered when the new file is in force, or refused: error
    stop           answered before the orderly stop begins
reload alone and stop alone leave out the instances of execute=: two that name each other would go on for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from ldirector.adapters.control import Answer
from ldirector.adapters.ipvs import IpvsError
from ldirector.core.model import Role

LONGEST_READY = 3600.0  # seconds that a client may wait for readiness
REQUESTS = [
    "status",
    "role active",
    "role active vouched",
    "unvouch",
    "role standby",
    "ready SECONDS",
    "reload",
    "stop",
]


class Asked(Protocol):
    """What the daemon does for those who ask."""

    def status(self) -> Answer:
        """Everything that is known, as plain values."""

    def change_role(self, role: Role, vouched: bool) -> None:
        """Returns when the table is written. Raises IpvsError when it cannot be."""

    def unvouch(self) -> None:
        """The other node's word counts no more."""

    async def wait_ready(self) -> None:
        """Until each real that is checked has a verdict."""

    def is_ready(self) -> bool:
        """Whether each has one now."""

    def is_blind(self) -> bool:
        """Whether servers are checked and every one is down."""

    async def reload(self, why: str, alone: bool) -> str:
        """Read the files again; "" when they are in force, else why they are not."""

    def stop(self, alone: bool) -> None:
        """Begin the orderly stop once the answer is on its way."""


class ControlRequests:
    """Answers for one daemon."""

    def __init__(self, daemon: Asked) -> None:
        self._daemon = daemon

    async def answer(self, words: list[str]) -> Answer:
        match words:
            case ["status"]:
                return {"ok": True, **self._daemon.status()}
            case ["role", ("active" | "standby") as name]:
                return self._change_role(Role(name))
            case ["role", "active", "vouched"]:
                return self._change_role(Role.ACTIVE, vouched=True)
            case ["unvouch"]:
                self._daemon.unvouch()
                return {"ok": True}
            case ["ready", seconds]:
                return await self._wait_ready(seconds)
            case ["reload", *rest] if rest in ([], ["alone"]):
                error = await self._daemon.reload("on request", alone=bool(rest))
                return {"ok": False, "error": error} if error else {"ok": True}
            case ["stop", *rest] if rest in ([], ["alone"]):
                self._daemon.stop(alone=bool(rest))
                return {"ok": True}
        return {"ok": False, "error": f"unknown request {' '.join(words)!r}", "requests": REQUESTS}

    def _change_role(self, role: Role, vouched: bool = False) -> Answer:
        try:
            self._daemon.change_role(role, vouched)
        except IpvsError as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "role": role.value}

    async def _wait_ready(self, seconds: str) -> Answer:
        try:
            limit = float(seconds)
        except ValueError:
            limit = -1.0
        if not 0 <= limit <= LONGEST_READY:
            return {"ok": False, "error": f"not a number of seconds from 0 to {LONGEST_READY:g}: {seconds!r}"}
        with suppress(TimeoutError):  # the answer says how it stands
            async with asyncio.timeout(limit):
                await self._daemon.wait_ready()
        return {"ok": True, "ready": self._daemon.is_ready(), "blind": self._daemon.is_blind()}
