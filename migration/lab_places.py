"""The places in the file system that every lab node puts its own folder over; they must exist to be covered."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from migration.nodes import PRIVATE_FOLDERS, SYSLOG_SOCKET

SYSLOG_DEVICE = Path("/dev/log")
IPVS = Path("/proc/net/ip_vs")
LOCK = Path("/run/hbeat-lab.lock")
"""Held by every lab; has the names of the folders that were made for them."""


class LabPlacesError(Exception):
    """This machine cannot hold the lab; the text says why and what to do."""


@contextmanager
def lab_places(in_guest: bool) -> Iterator[None]:
    """Make them for the time of a rehearsal. Raises LabPlacesError."""
    if os.geteuid() != 0:
        raise LabPlacesError("namespaces need root; leave out --host to rehearse in a guest, which does not")
    if not in_guest and not IPVS.exists():
        raise LabPlacesError("this kernel has no ip_vs (try: modprobe ip_vs); leave out --host to use a guest's")
    if in_guest and not SYSLOG_DEVICE.exists():
        SYSLOG_DEVICE.symlink_to(SYSLOG_SOCKET)
    with mount_points():
        yield


@contextmanager
def mount_points() -> Iterator[None]:
    """The folders that nodes cover with their own exist for a while; what was made here is removed again.

    Labs that run at the same time share them: the last one to end removes what any of them has made.
    """
    with LOCK.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while another one is removing
        for place in map(Path, PRIVATE_FOLDERS.values()):
            if not place.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                lock.write(f"{place}\n")
        lock.flush()
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_made(lock)
            fcntl.flock(lock, fcntl.LOCK_UN)  # a machine that was forked meanwhile has the file open still


def _remove_made(lock: IO[str]) -> None:
    lock.seek(0)
    for place in dict.fromkeys(lock.read().split()):
        with suppress(OSError):  # somebody else uses it by now, or has removed it
            Path(place).rmdir()
    lock.truncate(0)
