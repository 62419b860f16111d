"""Sends messages to the kernel's IPVS backup daemons on the network of an interface: UDP to 224.0.0.81, port 8848."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable

GROUP, PORT = "224.0.0.81", 8848
BURST, PAUSE = 32, 0.002
"""So many at a time: more do not fit into the socket of a receiver, which takes them one by one."""


def send(messages: Iterable[bytes], interface: str) -> None:
    """Returns when all are on their way. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        place = struct.pack("=4s4si", bytes(4), bytes(4), socket.if_nametoindex(interface))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, place)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)  # our own kernel knows them
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        for number, message in enumerate(messages, 1):
            sender.sendto(message, (GROUP, PORT))
            if number % BURST == 0:
                time.sleep(PAUSE)
