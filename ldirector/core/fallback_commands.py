"""fallbackcommand: what to run when the fallback of a virtual enters or leaves (reference section d, Per real).

The command runs with `start VIP:PORT PROTOCOL` when no real of the virtual is up on a node that serves, and with
`stop ...` when that is over. It runs only when its last argument changes, and begins with a start: at the start of the
daemon no real is up yet, unless the kernel's table says otherwise.

Every start gets its stop, and only then. The original leaves the command started for good when it is itself stopped,
reloaded without the virtual, or given another command; here the fallback leaves in all these cases, and also when the
node becomes standby. With cleanstop=no a stop leaves the fallback in the table, and then the command stays started
too. The start and stop that the original repeats while it starts (vector 28) come from its way of starting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ldirector.core.commands import words
from ldirector.core.events import Command
from ldirector.core.model import Protocol, Virtual, VirtualKey, bracketed, virtual_name


class FallbackCommands:
    """Remembers which commands are started. All virtuals that are served go in, and what is to be run comes out."""

    def __init__(self) -> None:
        self._started: dict[VirtualKey, str] = {}

    def follow(self, virtuals: Iterable[Virtual], deserted: Collection[VirtualKey]) -> list[Command]:
        """What to run now: stops first, then starts, each in the order of the virtuals.

        virtuals: those this node serves now, none while it is standby. deserted: those without a real that is up.
        At a stop: the virtuals with cleanstop=no.
        """
        wanted = {
            virtual.key: virtual.fallbackcommand
            for virtual in virtuals
            if virtual.fallbackcommand and virtual.key in deserted
        }
        stops = [_command(text, "stop", key) for key, text in self._started.items() if wanted.get(key) != text]
        starts = [_command(text, "start", key) for key, text in wanted.items() if self._started.get(key) != text]
        self._started = wanted
        return stops + starts


def _command(text: str, verb: str, key: VirtualKey) -> Command:
    """A firewall mark has no address: the original says `:0 fwm`."""
    place = f"{bracketed(key.address)}:{key.port}"
    argv = (*words(text), verb, ":0" if key.protocol == Protocol.FWM.value else place, key.protocol)
    name = virtual_name(key)
    return Command(argv, f"fallbackcommand of {name}: {verb}", f"fallbackcommand {key.protocol} {key.family} {name}")
