"""The configuration file on disk and its companion (ldirector.yaml): read whole, and watched for changes (autoreload).

A look costs one stat(). Only when time stamp, size or inode differ from the last read, and have stayed the same for
two looks in a row (an editor may still be writing), the contents are compared by digest: a mere touch is no change.
A pipe, a device or a folder in the place of a file is refused: reading one may wait for ever or never end.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
LARGEST = 16 << 20  # bytes of a file
Stamp = tuple[tuple[int, int, int] | None, ...]


class ConfigFile(Generic[T]):
    """parse turns the texts of the file and of its companion ("" when there is none) into a configuration."""

    def __init__(self, path: Path, parse: Callable[[str, str], T], companion: Path | None = None) -> None:
        self.path = path
        self.companion = companion
        self._parse = parse
        self._digest = b""
        self._known: Stamp | None = None
        self._last_look: Stamp | None = None

    def load(self) -> T:
        """Read and parse. These texts now count as seen, whether they are good or not.

        Raises OSError with the filename that it is about (the companion may be missing, not unreadable) and what parse
        raises. Bytes that are not UTF-8 become surrogates, so that patterns can hold any byte.
        """
        self._known = self._stamp()
        data = self._read()
        self._digest = _digest(data)
        text, beside = (part.decode("utf-8", "surrogateescape") for part in data)
        return self._parse(text, beside)

    def changed(self) -> bool:
        """Whether there is a new text, said once for each. A file that is missing has not changed (yet)."""
        stamp = self._stamp()
        settled, self._last_look = stamp == self._last_look, stamp
        if stamp[0] is None or stamp == self._known or not settled:
            return False
        try:
            digest = _digest(self._read())
        except OSError:
            return False
        self._known = stamp
        if digest == self._digest:
            return False
        self._digest = digest
        return True

    def _read(self) -> tuple[bytes, bytes]:
        data = _contents(self.path)
        try:
            return data, _contents(self.companion) if self.companion else b""
        except FileNotFoundError:
            return data, b""

    def _stamp(self) -> Stamp:
        return tuple(_stamp_of(path) for path in (self.path, self.companion) if path)


def _contents(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError with its name, EINVAL for anything else, EFBIG beyond LARGEST."""
    irregular = OSError(errno.EINVAL, "it is no regular file", str(path))
    try:
        descriptor = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise (irregular if error.errno == errno.ENXIO else error) from None  # a socket
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise irregular
        data = b""
        while len(data) <= LARGEST and (more := os.read(descriptor, LARGEST + 1 - len(data))):
            data += more
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(descriptor)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST >> 20} MiB", str(path))
    return data


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(parts: tuple[bytes, bytes]) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
