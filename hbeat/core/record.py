"""A line of text on disk with its checksum: what is half written, or was edited, is as good as none."""

from __future__ import annotations

import zlib


class RecordError(ValueError):
    """The text is not what was written; nothing is known."""


def sealed(said: str) -> str:
    """The line for the disk."""
    return f"{said} {_checksum(said)}\n"


def unsealed(text: str) -> str:
    """What was said. Raises RecordError."""
    said, _, checksum = text.removesuffix("\n").rpartition(" ")
    if checksum != _checksum(said):
        raise RecordError("damaged: its checksum does not match")
    return said


def _checksum(said: str) -> str:
    return f"{zlib.crc32(said.encode('utf-8', 'surrogateescape')):08x}"
