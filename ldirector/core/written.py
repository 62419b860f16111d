"""What an instance has written to IPVS, as text that outlives it: one virtual service a line, and a checksum.

    ldirectord table 1
    tcp 4 10.1.1.10 80 0
    fwm 6 - 0 7
    checksum 1c7ab6b2

The fields are those of VirtualKey: protocol, family, address, port, mark. It tells the next start of the instance what
in the kernel is its own, so that a virtual which left the configuration while no daemon ran is removed, and nobody
else's ever is. Text that does not end with its checksum says nothing.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable

from ldirector.core.model import Protocol, VirtualKey

HEAD = "ldirectord table 1"
NO_ADDRESS = "-"
_PROTOCOLS = {protocol.value for protocol in Protocol}
_LARGEST_PORT, _LARGEST_MARK = 0xFFFF, 0xFFFFFFFF


class Damaged(ValueError):
    """The text is not what an instance wrote; it says nothing of what is its own."""


def text_of(keys: Iterable[VirtualKey]) -> str:
    """What to keep."""
    lines = [HEAD]
    for key in sorted(keys):
        lines.append(f"{key.protocol} {key.family} {key.address or NO_ADDRESS} {key.port} {key.mark}")
    said = "".join(f"{line}\n" for line in lines)
    return f"{said}checksum {_checksum(said)}\n"


def keys_in(text: str) -> frozenset[VirtualKey]:
    """The virtual services it lists. Raises Damaged."""
    said, found, checksum = text.rpartition("checksum ")
    if not found or checksum != f"{_checksum(said)}\n":
        raise Damaged("its checksum does not match")
    head, *lines = said.splitlines()
    if head != HEAD:
        raise Damaged(f"it begins with {head!r} instead of {HEAD!r}")
    return frozenset(_key_in(line) for line in lines)


def _key_in(line: str) -> VirtualKey:
    try:
        protocol, family, address, port, mark = line.split(" ")
        key = VirtualKey(protocol, int(family), "" if address == NO_ADDRESS else address, int(port), int(mark))
        if key.address and ipaddress.ip_address(key.address).version != key.family:
            raise ValueError
    except ValueError:
        raise Damaged(f"{line!r} is no virtual service") from None
    known = protocol in _PROTOCOLS and key.family in (4, 6)
    if not known or not 0 <= key.port <= _LARGEST_PORT or not 0 <= key.mark <= _LARGEST_MARK:
        raise Damaged(f"{line!r} is no virtual service")
    return key


def _checksum(said: str) -> str:
    return f"{zlib.crc32(said.encode('utf-8', 'surrogateescape')):08x}"
