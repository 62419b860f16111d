"""The configuration file on disk: read whole, and watched for changes (autoreload).

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
Stamp = tuple[int, int, int]


class ConfigFile(Generic[T]):
    """parse turns the text and the file's name into a configuration; what it raises goes through to the caller."""

    def __init__(self, path: Path, parse: Callable[[str, str], T]) -> None:
        self.path = path
        self._parse = parse
        self._digest = b""
        self._known: Stamp | None = None
        self._last_look: Stamp | None = None

    def load(self) -> T:
        """Read and parse. This text now counts as seen, whether it is good or not. Raises OSError and parse's errors.

        Bytes that are not UTF-8 become surrogates, so that patterns can hold any byte.
        """
        self._known = self._stamp()
        data = self.path.read_bytes()
        self._digest = hashlib.sha256(data).digest()
        return self._parse(data.decode("utf-8", "surrogateescape"), str(self.path))

    def changed(self) -> bool:
        """Whether the file has a new text, said once for each text. A file that is missing has not changed (yet)."""
        stamp = self._stamp()
        settled, self._last_look = stamp == self._last_look, stamp
        if stamp is None or stamp == self._known or not settled:
            return False
        try:
            digest = hashlib.sha256(self.path.read_bytes()).digest()
        except OSError:
            return False
        self._known = stamp
        if digest == self._digest:
            return False
        self._digest = digest
        return True

    def _stamp(self) -> Stamp | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
