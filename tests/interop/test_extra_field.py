"""The field that nodes of ours add to their heartbeats: a real heartbeat 3.0.6 neither drops them nor says a word."""

from __future__ import annotations

import re
import struct
import time

from hbeat.core.auth import Key, Keyring, Method, unpack
from hbeat.core.hello import FIELD
from hbeat.core.wire import Message
from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES
ETH_P_ALL = 3
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})


def heard(pair: MixedPair, name: str, seconds: float) -> list[Message]:
    """Every message that comes to or leaves this node over eth0 for so long."""
    found: dict[bytes, Message] = {}
    end = time.monotonic() + seconds
    with pair.sniffer(name, "eth0", ETH_P_ALL) as sock:
        while time.monotonic() < end:
            frame = sock.recv(65535)
            header = 14 + (frame[14] & 15) * 4
            if frame[12:14] == b"\x08\0" and frame[23] == 17 and struct.unpack_from("!H", frame, header + 2) == (694,):
                length = struct.unpack_from("!H", frame, header + 4)[0]
                payload = frame[header + 8 : header + length]
                found[payload] = unpack(payload, KEYS)
    return list(found.values())


def test_the_original_acknowledges_heartbeats_with_the_field_and_complains_of_nothing(pair: MixedPair) -> None:
    pair.start_all()
    theirs, ours = pair.theirs, pair.ours
    messages = heard(pair, theirs, 12)
    with_field = {m.number("seq") for m in messages if m.text("src") == ours and m.raw(FIELD)}
    acknowledged = {m.number("ackseq") for m in messages if m.text("src") == theirs and m.text("t") == "NS_ackmsg"}
    assert len(with_field & acknowledged) >= 3  # one in ten: in all 60 heartbeats none was missing for it
    asked = [m for m in messages if m.text("src") == theirs and m.text("t") == "NS_rexmit"]
    assert asked == []
    assert all(m.raw(FIELD) is None for m in messages if m.text("src") == theirs)
    brief = [m for m in messages if m.text("src") == ours and m.text("t").startswith("NS_")]
    assert brief
    assert all(m.raw(FIELD) is None for m in brief), "what is negotiated is not sent to an original"
    assert pair.command(theirs, "cl_status", "nodestatus", ours)[1].strip() == "active"
    complaints = [line for line in pair.log(theirs).splitlines() if FIELD + "=" in line or "nonce" in line]
    assert complaints == []
    about_messages = re.compile("packet|msg|netstring|authentic|replay|different version|field|malformed|parse", re.I)
    problems = [
        line
        for line in pair.log(theirs).splitlines()
        if ("ERROR" in line or "WARN" in line) and about_messages.search(line)
    ]
    assert problems == []
