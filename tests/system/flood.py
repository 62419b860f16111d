"""A sender of datagrams that nobody asked for. `python flood.py PER_SECOND SECONDS ADDRESS…` in the node it sends from.

They look like heartbeats up to the last digit of the signature, so that rejecting them costs what it can cost.
"""

from __future__ import annotations

import socket
import sys
import time

from hbeat.core.auth import Key, Keyring, Method, pack
from hbeat.core.wire import Message

FIELDS = [("t", "status"), ("st", "active"), ("dt", "7530"), ("protocol", "1"), ("src", "test1.com"), ("seq", "5")]
FIELDS += [("hg", "6b0230be"), ("ts", "6b0230bf"), ("ld", "0.09 0.15 0.16 1/113 183"), ("ttl", "3")]
BURST = 50


def main(per_second: int, seconds: float, addresses: list[str]) -> int:
    """Sends, in bursts, and returns how many."""
    data = pack(Message.of(FIELDS), Keyring(2, {2: Key(2, Method.SHA1, b"not the password")}))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        if sent > passed * per_second:
            time.sleep(0.0005)
            continue
        for n in range(BURST):
            try:
                sock.sendto(data, (addresses[n % len(addresses)], 694))
            except OSError:
                continue  # the queue is full, or the target's power is off: a flooder does not mind
        sent += BURST
    return sent


if __name__ == "__main__":
    print(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
