"""What a node is called across restarts: its generation and uuid on disk (reference section 3.1).

The files are the original's, `/var/lib/heartbeat/hb_generation` and `hb_uuid`: an installation that is replaced must
continue its count, or its peer takes every datagram for a replay.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from hbeat.adapters.state_file import replace_file

UUID_BYTES = 16
HIGHEST = 2**63 - 1
"""What a generation may be on the wire: a number of the original's."""


def next_generation(directory: Path, method: str) -> int:
    """The generation of this start, already written back and on the disk. method: ha.cf hbgenmethod."""
    path = directory / "hb_generation"
    try:
        last = int(path.read_text())
    except (OSError, ValueError):
        last = 0
    if last >= HIGHEST:
        last = 0  # as good as a broken file
    of_now = int(time.time()) + (method == "file")
    # By time, but not back with a clock that was set back: the peer would take all that we say for a recording.
    generation = last + 1 if last > 0 and (method == "file" or last >= of_now) else max(of_now, 1)
    _replace(path, f"{generation:>15}\n".encode())
    return generation


def node_uuid(directory: Path, name: str, source: str) -> bytes:
    """The node's uuid: 16 bytes, made at the first start. source: ha.cf uuidfrom."""
    if source == "nodename":
        return name.encode()[:UUID_BYTES].ljust(UUID_BYTES, b"\0")
    path = directory / "hb_uuid"
    try:
        known = path.read_bytes()
    except OSError:
        known = b""
    if len(known) != UUID_BYTES:
        known = uuid.uuid4().bytes
        _replace(path, known)
    return known


def _replace(path: Path, content: bytes) -> None:
    """It is on the disk when this returns, and so is its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        replace_file(path, content, sync=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
