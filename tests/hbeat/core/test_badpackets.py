from __future__ import annotations

from random import Random

from hbeat.core.auth import Key, Keyring, Method, pack
from hbeat.core.badpackets import BadPackets, Reason
from hbeat.core.wire import Message
from tests.hbeat.machine import KEYS
from tests.hbeat.world import World

STATUS = [("t", "status"), ("src", "a"), ("seq", "1"), ("hg", "1"), ("ts", "1"), ("st", "active")]


def test_every_drop_is_counted_by_its_reason() -> None:
    world = World().both_up()
    node = world.node("b")
    recorded = next(data for _, name, data in world.sent if name == "a" and b"t=status" in data)
    weak = Keyring(1, {1: Key(1, Method.CRC)})
    node.outbox.keys = Keyring(2, {1: weak.keys[1], 2: KEYS.keys[2]})
    for data, reason in (
        (b"hello", Reason.MALFORMED),
        (pack(Message.of([("t", "status")]), KEYS), Reason.MALFORMED),
        (pack(Message.of(STATUS), Keyring(3, {3: Key(3, Method.SHA1, b"x")})), Reason.UNKNOWN_KEY),
        (pack(Message.of(STATUS), weak), Reason.WEAK_KEY),
        (pack(Message.of(STATUS), Keyring(2, {2: Key(2, Method.SHA1, b"x")})), Reason.BAD_SIGNATURE),
        (pack(Message.of([STATUS[0], ("src", "c"), *STATUS[2:]]), KEYS), Reason.UNKNOWN_NODE),
        (pack(Message.of(STATUS), KEYS), Reason.STALE),
        (recorded, Reason.REPLAY),
    ):
        before = node.bad.by_reason[reason]
        node.receive("eth0", data, world.now)
        assert node.bad.by_reason[reason] == before + 1, reason


def test_no_more_than_one_line_per_reason_and_minute_whatever_is_sent() -> None:
    bad, random = BadPackets(enabled=True), Random(1)
    noted = [
        note
        for n in range(10_000)
        for note in bad.note(f"eth{n % 2}", random.choice(list(Reason)), f"at byte {random.random()}", n / 100)
    ]
    assert len(noted) == 2 * len(Reason)  # 100 seconds
    assert sum(bad.by_reason.values()) == sum(bad.by_link.values()) == 10_000


def test_repetitions_are_told_with_the_next_line() -> None:
    bad = BadPackets(enabled=True)
    bad.note("eth0", Reason.STALE, "x", 0.0)
    bad.note("eth0", Reason.STALE, "y", 1.0)
    (note,) = bad.note("eth1", Reason.STALE, "z", 60.0)
    assert "1 more" in str(note)


def test_log_badpack_off_counts_in_silence() -> None:
    bad = BadPackets(enabled=False)
    assert bad.note("eth0", Reason.MALFORMED, "x", 0.0) == []
    assert bad.by_reason[Reason.MALFORMED] == 1
