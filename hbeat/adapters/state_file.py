"""Writes a small file of ours into a directory that may belong to somebody else.

The original's installation gives /var/lib/heartbeat to the user hacluster, and this daemon is root: whoever may write
there could put a symbolic link where the new content is about to be written, and have any file of the machine emptied.
So what is written is always a file that was not there before (open(2), O_EXCL), and takes the name of the old one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NEW = ".new"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_file(path: Path, content: bytes, *, sync: bool) -> None:
    """The new content or the old one, never half of it, whatever becomes of this process.

    sync: nor whatever happens to the power; returns when it is on the disk. Raises OSError.
    """
    new = path.with_suffix(NEW)
    with suppress(FileNotFoundError):
        new.unlink()
    try:
        with open(os.open(new, _FLAGS, 0o600), "wb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
