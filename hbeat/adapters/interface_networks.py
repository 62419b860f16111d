"""The first IPv4 address of each interface of this network namespace, with its mask (netdevice(7))."""

from __future__ import annotations

import fcntl
import socket
import struct
from contextlib import suppress

SIOCGIFADDR, SIOCGIFNETMASK = 0x8915, 0x891B


def networks() -> list[tuple[str, int, int]]:
    """(interface, address, mask) as numbers; without the loopback interface, and without those that have none."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                address, mask = (_ask(any_socket, request, name) for request in (SIOCGIFADDR, SIOCGIFNETMASK))
                if address >> 24 != 127:
                    found.append((name, address, mask))
    return found


def _ask(any_socket: socket.socket, request: int, name: str) -> int:
    answer = fcntl.ioctl(any_socket, request, struct.pack("16s24x", name.encode()[:15]))
    number: int = struct.unpack_from("!I", answer, 20)[0]
    return number
