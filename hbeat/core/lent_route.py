"""The default route whose source IPsrcaddr has set: how it was before, so that it can be put back.

The kernel removes a route together with the address that is its source. Not every end of an address is a stop of its
group: its lease may run out, the keeper may remove it, somebody may by hand. A machine must not lose its default route
by that, so what is needed to add it again is kept, here and, for the next daemon, on disk:

    10.1.1.10 02000000... 7d5a2f5e-...-3c6f4a1b 1c7ab6b2\\n

The third word is the boot: interfaces have other numbers in the next one, and nothing of the route is left then.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from hbeat.core.record import RecordError, sealed, unsealed
from hbeat.core.routes import DefaultRoute


@dataclass(frozen=True, slots=True)
class LentRoute:
    """address: the source that was set; route: as the kernel told it before."""

    address: IPv4Address
    route: DefaultRoute

    @property
    def source(self) -> bytes:
        """The source that it had; empty: the kernel chose."""
        return b"" if self.route.source == self.address.packed else self.route.source

    @property
    def again(self) -> bytes:
        """The message that adds it as it was, unless there is a default route of its metric."""
        return self.route.again(self.source)


def lend(before: LentRoute | None, route: DefaultRoute, address: IPv4Address) -> LentRoute:
    """The route as it is now is about to get this source. before: what is known from the last time."""
    if before is not None and route.source == before.address.packed:
        return LentRoute(address, before.route)
    return LentRoute(address, route)


def write_lent(lent: LentRoute, boot: str) -> str:
    """The line for the disk. boot: a word that is another one after the next start of the machine."""
    return sealed(f"{lent.address} {lent.route.told.hex()} {boot}")


def read_lent(text: str, boot: str) -> LentRoute | None:
    """The route in the text of the file; None when it is from before the last start. Raises RecordError."""
    words = unsealed(text).split(" ")
    try:
        address, told, then = words
        return LentRoute(IPv4Address(address), DefaultRoute(bytes.fromhex(told))) if then == boot else None
    except (ValueError, AddressValueError):
        raise RecordError("damaged: it has not the words of a record") from None
