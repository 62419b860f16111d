"""The places in the file system that every lab node puts its own folder over; they must exist to be covered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migration.nodes import PRIVATE_FOLDERS, SYSLOG_SOCKET

SYSLOG_DEVICE = Path("/dev/log")
IPVS = Path("/proc/net/ip_vs")


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
    """The folders that nodes cover with their own exist for a while; what was made here is removed again."""
    made = []
    for place in map(Path, PRIVATE_FOLDERS.values()):
        if not place.is_dir():
            place.mkdir(parents=True)
            made.append(place)
    try:
        yield
    finally:
        for place in made:
            place.rmdir()
