"""What a node keeps of its peer across its own restarts: generation and highest sequence number, as one line of text.

    test2.com 105 5000 original 1c7ab6b2\\n

The last word is a checksum (`record`).
"""

from __future__ import annotations

from hbeat.core.model import PeerRecord
from hbeat.core.record import RecordError, sealed, unsealed

_KINDS = {"ours": True, "original": False}
_LARGEST = 1 << 64


def write_record(record: PeerRecord) -> str:
    """The line for the disk."""
    kind = "ours" if record.ours else "original"
    return sealed(f"{record.node} {record.generation} {record.sequence} {kind}")


def read_record(text: str) -> PeerRecord:
    """The record in the text of the file. Raises RecordError."""
    words = unsealed(text).split(" ")
    if len(words) != 4 or words[3] not in _KINDS:
        raise RecordError("damaged: it has not the words of a record")
    numbers = [int(word) for word in words[1:3] if word.isascii() and word.isdigit() and len(word) <= 20]
    if len(numbers) != 2 or max(numbers) >= _LARGEST:
        raise RecordError("damaged: its numbers make no sense")
    return PeerRecord(words[0], numbers[0], numbers[1], _KINDS[words[3]])
