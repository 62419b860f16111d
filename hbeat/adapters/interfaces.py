"""Interfaces of a network namespace by name and by number (netdevice(7)): much faster than a netlink message."""

from __future__ import annotations

import fcntl
import socket
import struct

SIOCGIFNAME, SIOCGIFHWADDR, SIOCGIFINDEX = 0x8910, 0x8927, 0x8933


class Interfaces:
    """Those of the namespace where this was made, as netlink answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def index(self, name: str) -> int:
        """Raises OSError when there is none of this name."""
        index: int = struct.unpack_from("16xi", self._ask(SIOCGIFINDEX, name))[0]
        return index

    def name(self, index: int) -> str:
        """For people: of one that has gone meanwhile, too."""
        try:
            return self._ask(SIOCGIFNAME, "", index)[:16].rstrip(b"\0").decode()
        except OSError:
            return f"interface {index}"

    def mac(self, name: str) -> bytes:
        """Its hardware address, six bytes; zeros where it has none. Raises OSError."""
        return self._ask(SIOCGIFHWADDR, name)[18:24]

    def _ask(self, request: int, name: str, index: int = 0) -> bytes:
        return bytes(fcntl.ioctl(self._socket, request, struct.pack("16si20x", name.encode()[:15], index)))

    def close(self) -> None:
        self._socket.close()
