"""Reads a file that an operator wrote, without ever waiting and never more than was agreed.

A reload reads between two heartbeats. A FIFO in the place of a file would hold it up until somebody writes, a device
or a huge file for as long as the peer needs to declare this node dead; such things are refused before they are read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class Unfit(OSError):
    """This is no file of the kind that is read here; strerror says what it is."""


def read_regular(path: Path, limit: int) -> tuple[bytes, int]:
    """The content and the permission bits of a regular file of at most `limit` bytes. Raises OSError, Unfit for others.

    O_NONBLOCK lets the open of a FIFO return at once; on a regular file it has no meaning (open(2)).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Unfit(errno.EINVAL, "it is not a regular file", str(path))
        content = b"" if found.st_size > limit else file.read(limit + 1)
        if found.st_size > limit or len(content) > limit:
            raise Unfit(errno.EFBIG, f"it has more than {limit >> 10} KiB", str(path))
    return content, stat.S_IMODE(found.st_mode)
