"""The configuration file on disk and its companion (ldirector.yaml): read whole, and watched for changes (autoreload).

A look costs one stat(). Only when time stamp, size or inode differ from the last read, and have stayed the same for
two looks in a row (an editor may still be writing), the contents are compared by digest: a mere touch is no change.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
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

        Raises OSError (the file; the companion may be missing, not unreadable) and what parse raises. Bytes that are
        not UTF-8 become surrogates, so that patterns can hold any byte.
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
        data = self.path.read_bytes()
        try:
            return data, self.companion.read_bytes() if self.companion else b""
        except FileNotFoundError:
            return data, b""

    def _stamp(self) -> Stamp:
        return tuple(_stamp_of(path) for path in (self.path, self.companion) if path)


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(parts: tuple[bytes, bytes]) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
