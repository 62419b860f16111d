"""What one datagram costs the heartbeat daemon's core, in processor time. usage: python -m tests.bench.datagrams

Strangers' datagrams are the reason: whoever reaches the port can send them as fast as the network carries them. 50 µs
each is what they may cost; 20 µs each is 50,000 in a second.
"""

from __future__ import annotations

import time

from hbeat.core.auth import Key, Keyring, Method, pack
from hbeat.core.wire import Message
from tests.hbeat.world import World

COUNT = 20_000
ROUNDS = 5


def datagrams(good: bytes) -> dict[str, bytes]:
    """One of each kind, made out of a heartbeat."""
    wrong = Keyring(2, {2: Key(2, Method.SHA1, b"not the password")})
    unknown = Keyring(9, {9: Key(9, Method.SHA1, b"PASSWORD")})
    fields = [("t", "status"), ("st", "active"), ("src", "a"), ("seq", "5"), ("hg", "1"), ("ts", "1")]
    return {
        "text": b"hello world",
        "no signature (kills heartbeat 3.0.6)": b"###\n5:hello,%%%\n",
        "unknown key": pack(Message.of(fields), unknown),
        "wrong signature": pack(Message.of(fields), wrong),
        "wrong signature, 250 fields": pack(Message.of([(f"f{n}", "x") for n in range(250)]), wrong),
        "wrong signature, 60 kB": pack(Message.of([("f", "x" * 60_000)]), wrong),
        "signed, a recording": good,
    }


def main() -> None:
    """Prints a table: the best of some rounds, in microseconds."""
    world = World().both_up()
    node = world.node("b")
    good = next(data for _, name, data in world.sent[40:] if name == "a" and b"t=status" in data)
    for kind, data in datagrams(good).items():
        spent = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(COUNT // ROUNDS):
                node.receive("eth0", data, world.now)
            spent.append((time.process_time() - began) / (COUNT // ROUNDS))
        print(f"{kind:40} {min(spent) * 1e6:6.1f} µs")


if __name__ == "__main__":
    main()
