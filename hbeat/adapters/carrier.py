"""Carrier of interfaces: the kernel tells at once when a link changes (rtnetlink(7), RTMGRP_LINK).

What a message says is not looked at: any of them, a lost one as well (ENOBUFS), means to ask for the flags again, which
are the truth (netdevice(7), SIOCGIFFLAGS). IFF_RUNNING is "has carrier and may be used".
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

RTMGRP_LINK = 1
SIOCGIFFLAGS = 0x8913
IFF_UP, IFF_RUNNING = 0x1, 0x40
_USABLE = IFF_UP | IFF_RUNNING


class Carrier:
    """Readable when a link of this network namespace may have changed."""

    def __init__(self) -> None:
        self._news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._news.bind((0, RTMGRP_LINK))
        self._any = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._news.fileno()

    def drain(self) -> None:
        """Takes the news; ask `lost` then."""
        while True:
            try:
                self._news.recv(65536)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # some were lost, those that are left can be read
                    return

    def lost(self, interfaces: Iterable[str]) -> frozenset[str]:
        """Those of them that have no carrier, are down, or are not there."""
        return frozenset(name for name in interfaces if not self._is_usable(name))

    def _is_usable(self, name: str) -> bool:
        with suppress(OSError):
            answer = fcntl.ioctl(self._any, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode()[:15], 0))
            flags: int = struct.unpack("16sH14x", answer)[1]
            return flags & _USABLE == _USABLE
        return False

    def close(self) -> None:
        self._news.close()
        self._any.close()
