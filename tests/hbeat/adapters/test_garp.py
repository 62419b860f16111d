from __future__ import annotations

from hbeat.adapters.garp import REPLY, REQUEST, frame

MAC = bytes.fromhex("0200c0a80101")
VIP = bytes([10, 1, 1, 10])


def test_request_and_reply_are_those_of_the_reference() -> None:
    for operation, target in ((REQUEST, bytes(6)), (REPLY, MAC)):
        made = frame(operation, MAC, "10.1.1.10")
        assert made[:14] == b"\xff" * 6 + MAC + b"\x08\x06"
        assert made[14:22] == bytes([0, 1, 8, 0, 6, 4, 0, operation])
        assert made[22:] == MAC + VIP + target + VIP
