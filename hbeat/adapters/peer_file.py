"""What we know of the peer, on disk: read at the start, written by a process that heartbeats do not wait for.

`/var/lib/heartbeat/hb_peer` holds one line (`core.peer_record`). A disk can make its writer wait for seconds, and a
thread that waits for it with the interpreter's lock in hand would keep a real-time loop waiting with it; so the writer
is a small child. It gets records over a socket, writes the newest, and ends when its parent does. A record that does
not fit into the socket is dropped: the next one says more.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

from hbeat.adapters.state_file import replace_file
from hbeat.core.model import NodeName, PeerRecord
from hbeat.core.peer_record import read_record, write_record
from hbeat.core.record import RecordError

FILE = "hb_peer"
RECORD_LIMIT = 1024
SYNCED, WRITTEN = b"s", b"w"
"""What a record begins with on its way: the first of a life goes to the disk itself, the others as far as the kernel.
A daemon that is killed loses nothing by that; a machine that loses power, a few sequence numbers."""


def read_peer_file(directory: Path, peer: NodeName) -> tuple[PeerRecord | None, str]:
    """The record of this peer, or None; and what to tell the operator, mostly nothing."""
    path = directory / FILE
    try:
        record = read_record(path.read_text("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror}; recorded heartbeats may be taken for new ones"
    except RecordError as error:
        return None, f"{path} is {error}; it is written anew when {peer} is heard"
    return (record if record.node == peer else None), ""


class PeerFile:
    """Writes the file. Make it before there are other threads; it is closed by the end of this process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._generation: int | None = None
        self._failed = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _write_for(theirs, self._path)
            finally:
                os._exit(0)
        theirs.close()

    def keep(self, record: PeerRecord) -> str:
        """Hands the record over. Returns a line for the operator when an earlier one could not be written, and when it
        could again, or when there is nobody to hand it to; each once."""
        kind = WRITTEN if record.generation == self._generation else SYNCED
        try:
            told = self._socket.recv(RECORD_LIMIT).decode("utf-8", "replace")
        except OSError:
            told = ""  # the writer has nothing to say
        try:
            self._socket.send(kind + write_record(record).encode("utf-8", "surrogateescape"))
        except BlockingIOError:
            return told
        except OSError as error:
            before, self._failed = self._failed, True
            return "" if before else f"{self._path} is written no more ({error.strerror}) until heartbeat is restarted"
        self._generation = record.generation
        return told

    def close(self) -> None:
        """Returns when the last record is written."""
        self._socket.close()
        os.waitpid(self.pid, 0)


def _write_for(records: socket.socket, path: Path) -> None:
    """The child's life. Signals are the parent's to handle: it may have things to say until its end."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    _close_all_but(records.fileno())
    failing = ""
    while newest := records.recv(RECORD_LIMIT):
        sync = newest.startswith(SYNCED)
        try:
            while later := records.recv(RECORD_LIMIT, socket.MSG_DONTWAIT):
                newest, sync = later, sync or later.startswith(SYNCED)
        except BlockingIOError:
            pass
        before, failing = failing, _attempt(path, newest[1:], sync=sync)
        if failing != before:
            now = f"cannot be written: {failing}; after a restart, recorded heartbeats may be taken for new ones"
            what = now if failing else "is written again"
            with suppress(OSError):
                records.send(f"{path} {what}".encode("utf-8", "replace")[:RECORD_LIMIT], socket.MSG_DONTWAIT)


def _attempt(path: Path, content: bytes, *, sync: bool) -> str:
    """Why the record could not be written, or nothing. The next record is another attempt."""
    try:
        replace_file(path, content, sync=sync)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _close_all_but(kept: int) -> None:
    """Sockets and locks of the parent, which must be free for the next daemon when it dies."""
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    os.closerange(0, kept)
    os.closerange(kept + 1, highest + 1)
