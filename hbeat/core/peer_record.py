"""What a node keeps of its peer across its own restarts: generation and highest sequence number, as one line of text.

    test2.com 105 5000 original 1c7ab6b2\\n

The last word is a checksum: a file that a power cut left half written, or that somebody edited, is as good as none.
"""

from __future__ import annotations

import zlib

from hbeat.core.model import PeerRecord

_KINDS = {"ours": True, "original": False}
_LARGEST = 1 << 64


class RecordError(ValueError):
    """The text is not a record; nothing is known of the peer."""


def write_record(record: PeerRecord) -> str:
    """The line for the disk."""
    kind = "ours" if record.ours else "original"
    said = f"{record.node} {record.generation} {record.sequence} {kind}"
    return f"{said} {_checksum(said)}\n"


def read_record(text: str) -> PeerRecord:
    """The record in the text of the file. Raises RecordError."""
    said, _, checksum = text.removesuffix("\n").rpartition(" ")
    words = said.split(" ")
    if checksum != _checksum(said) or len(words) != 4 or words[3] not in _KINDS:
        raise RecordError("damaged: its checksum does not match")
    numbers = [int(word) for word in words[1:3] if word.isascii() and word.isdigit() and len(word) <= 20]
    if len(numbers) != 2 or max(numbers) >= _LARGEST:
        raise RecordError("damaged: its numbers make no sense")
    return PeerRecord(words[0], numbers[0], numbers[1], _KINDS[words[3]])


def _checksum(said: str) -> str:
    return f"{zlib.crc32(said.encode('utf-8', 'surrogateescape')):08x}"
