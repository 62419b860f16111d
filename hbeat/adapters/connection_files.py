"""The kernel's files about IPVS in this network namespace: connections, services, and the socket of its backup daemon.

/proc/net/ip_vs_conn is read a page at a time, and for each page the kernel counts from the beginning again: twice as
many connections take four times as long. Measured: 20,000 in 0.4 s, 100,000 in 10 s. So there is a limit, and who asks
must not be in a hurry.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CONNECTIONS = Path("/proc/net/ip_vs_conn")
SERVICES = Path("/proc/net/ip_vs")
UDP_SOCKETS = Path("/proc/net/udp")
SYNC_PORT = 8848
TIME_LIMIT = 10.0
CHUNK = 1 << 16


class NotAll(Exception):
    """There are more connections than can be read in TIME_LIMIT seconds."""


def connection_texts() -> Iterator[str]:
    """/proc/net/ip_vs_conn in pieces of whole lines; nothing where there is no IPVS. Raises OSError, NotAll."""
    deadline = time.monotonic() + TIME_LIMIT
    try:
        file = os.open(CONNECTIONS, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rest = b""
        while chunk := os.read(file, CHUNK):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            yield (whole + newline).decode("ascii", "replace")
            if time.monotonic() > deadline:
                raise NotAll
    finally:
        os.close(file)


def services_text() -> str:
    """/proc/net/ip_vs; empty where there is no IPVS."""
    try:
        return SERVICES.read_text("ascii", "replace")
    except OSError:
        return ""


def sync_drops() -> int | None:
    """How many messages the kernel's backup daemon was too slow for; None when it has no socket."""
    with suppress(OSError, ValueError, IndexError):
        lines = [line.split() for line in UDP_SOCKETS.read_text("ascii").splitlines()[1:]]
        drops = [int(words[-1]) for words in lines if int(words[1].rpartition(":")[2], 16) == SYNC_PORT]
        return sum(drops) if drops else None
    return None
