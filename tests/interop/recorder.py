"""What goes over both cables of a pair, as a pcap file, for who has to find out why a case failed."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

from migration.namespaces import NetworkNamespace
from tests.system.watcher import Watcher

ETH_P_ALL = 3
SNAP = 65535
SOCKET_BUFFER = 4 << 20
FILE_HEADER = struct.pack("=IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, SNAP, 1)  # times in nanoseconds, Ethernet


class Recorder(Watcher):
    """Between enter and exit: every frame that comes into the switch, once, from whichever node and cable."""

    def __init__(self, switch: NetworkNamespace, path: Path) -> None:
        super().__init__()
        with switch.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        self._socket.settimeout(0.1)
        self._path = path

    def _watch(self) -> None:
        with self._path.open("wb") as file:
            file.write(FILE_HEADER)
            while not self._over.is_set():
                try:
                    frame, (interface, _, kind, *_) = self._socket.recvfrom(SNAP)
                except (TimeoutError, OSError):
                    continue  # nothing came, or a cable went
                if kind == socket.PACKET_OUTGOING or interface.startswith("br"):
                    continue  # it was recorded when it came in
                now = time.time_ns()
                file.write(struct.pack("=IIII", now // 10**9, now % 10**9, len(frame), len(frame)) + frame)

    def _ended(self) -> None:
        self._socket.close()
