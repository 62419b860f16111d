"""Messages that an original packs: `traditional_compression yes`, or above 256 KiB (reference section 1.6).

A packed message has two fields, the whole encoded original and the name of the algorithm, and is signed like any other.
We never send one: nothing we say is large.
"""

from __future__ import annotations

import bz2
import zlib

from hbeat.core import wire
from hbeat.core.wire import MAX_DATAGRAM, Message, WireError

PAYLOAD, ALGORITHM = "_compressed_payload", "_compression_algorithm"


def expanded(message: Message) -> Message:
    """What was packed, or the message itself. Raises WireError; nothing grows beyond the size of a datagram."""
    packed = message.raw(PAYLOAD)
    if packed is None:
        return message
    algorithm = message.text(ALGORITHM)
    try:
        match algorithm:
            case "zlib":
                text = zlib.decompressobj().decompress(packed, MAX_DATAGRAM + 1)
            case "bz2":
                text = bz2.BZ2Decompressor().decompress(packed, MAX_DATAGRAM + 1)
            case _:
                raise WireError(f"packed with {algorithm!r}, neither zlib nor bz2")
    except (zlib.error, OSError) as error:
        raise WireError(f"not packed with {algorithm}: {error}") from None
    if len(text) > MAX_DATAGRAM:
        raise WireError(f"more than {MAX_DATAGRAM} bytes were packed")
    return wire.decode(text)
