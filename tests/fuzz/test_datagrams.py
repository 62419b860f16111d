"""Any datagram is a message or is counted and dropped: unsigned ones touch nothing, signed ones raise nothing.

50,000 of each here, a million of each in `make nightly`, made out of everything that two original nodes said to each
other. The receiving node lives on meanwhile: time passes, timers are handled, and it is looked at for what it keeps.
"""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from random import Random

import pytest

from hbeat.core import wire
from hbeat.core.auth import AuthError, Key, Keyring, Method, pack, unpack
from hbeat.core.badpackets import Reason
from hbeat.core.cluster import Cluster
from hbeat.core.events import Effect, Note, Outcome, RunHook, RunResource, SendDatagram
from hbeat.core.hello import FIELD, Hello
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Timing
from hbeat.core.outbox import Identity
from hbeat.core.settings import Settings
from hbeat.core.wire import Field, Message, WireError
from tests.hbeat.machine import SEED_GROUP

VECTORS = Path(__file__).parents[1] / "vectors" / "heartbeat"
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD"), 3: Key(3, Method.MD5, b"OTHER")})
DATAGRAMS_OF_A_SEED = 25_000
EVERY_DAY, NIGHTLY = 2, 40  # seeds
GROWTH = 5 << 20

OTHER = Resource("database", "database")
SEEDS = [pytest.param(n, marks=[] if n < EVERY_DAY else pytest.mark.nightly) for n in range(NIGHTLY)]

WORDS = [
    *(b"", b"0", b"1", b"-1", b"ffffffffffffffff", b"1" * 40, b"active", b"up", b"dead", b"init", b"all", b"none"),
    *(
        b"local",
        b"foreign",
        b"me",
        b"other",
        b"done",
        b"full",
        b"test1.com",
        b"test2.com",
        b"TEST2.COM",
        b"\0",
        b"\xff",
    ),
    *(b"%%%\n", b"###\n", b"a=b", b"x\ny", b"standby", b"failback", b"ldirectord::ldirectord.cf", b"ipfail", b" "),
]
NAMES = [
    *("t", "st", "dt", "src", "seq", "hg", "ts", "protocol", "rsc_hold", "rtype", "isstable", "info", "dest", "ipaddr"),
    *(
        "firstseq",
        "lastseq",
        "ackseq",
        "nodelist",
        "num_ping",
        "from_id",
        "to_id",
        "ok",
        "weown",
        "srcuuid",
        "cn",
        FIELD,
    ),
]
TYPES = [
    *("status", "starting", "resource", "ask_resources", "hb_takeover", "ip-request", "ip-request-resp", "shutdone"),
    *("reqnodes", "repnodes", "NS_ackmsg", "NS_rexmit", "NS_nak_rexmit", "stonith", "num_ping_nodes", "you_are_dead"),
    *("abort_giveup", "hbapi-clstat", "query-cstatus", "respond-cstatus", "addnode", "delnode", "NS_st", "ifstat"),
]


GROUPS = (SEED_GROUP, ResourceGroup("test1.com", SEED_GROUP.resources[1:2]), ResourceGroup("test2.com", (OTHER,)))


def recorded() -> list[bytes]:
    lines = [json.loads(line) for path in sorted(VECTORS.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [bytes.fromhex(line["payload_hex"]) for line in lines if line.get("from_node") == "test2.com"]


RECORDED = recorded()


class Node:
    """test1.com, for whom everything is from test2.com. Its own messages go nowhere; its jobs end at once."""

    def __init__(self, seed: int, failback: Failback = Failback.ON) -> None:
        me = Identity("test1.com", bytes(16), 1, 3)
        timing = Timing(keepalive=1, warntime=2, deadtime=3, initdead=12, deadping=3)
        settings = Settings(
            me, ("test1.com", "test2.com"), ("eth0", "eth1"), timing, failback, GROUPS, hooks=frozenset(TYPES)
        )
        self.now = 0.0
        self.notes = 0
        self.cluster = Cluster(settings, KEYS, lambda: (1_800_000_000, "0.00"), Random(seed), self.now)
        self.perform(self.cluster.begin(self.now))

    def hear(self, link: str, data: bytes) -> None:
        self.now += 0.0005
        if self.cluster.next_deadline() <= self.now:
            self.perform(self.cluster.handle_timer(self.now))
        self.perform(self.cluster.receive(link, data, self.now))

    def perform(self, effects: list[Effect]) -> None:
        pending = list(effects)
        while pending:
            match pending.pop(0):
                case RunResource(op_id):
                    pending += self.cluster.finished(op_id, Outcome(ok=True), self.now)
                case RunHook(_, fields):
                    assert not [value for _, value in fields if "\0" in value], "no environment can hold this"
                case Note(_, text):
                    assert text
                    self.notes += 1
                case SendDatagram(data):
                    assert len(data) < 65_507


def spoiled(random: Random, data: bytes) -> bytes:
    """A datagram with its bytes changed, cut, doubled, spliced or made up."""
    way, at = random.randrange(8), random.randrange(len(data))
    match way:
        case 0:
            return data[:at]
        case 1:
            return data[:at] + random.randbytes(random.randint(1, 20)) + data[at:]
        case 2:
            return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]
        case 3:
            return data[:at] + random.choice(RECORDED)[at:]
        case 4:
            return data[:4] + data[at:] + data[:at] * random.randint(0, 3)
        case 5:
            return random.choice((b"", b"###\n", b">>>\n")) + random.randbytes(random.randint(0, 200))
        case 6:
            return data[:at] + random.choice((b"9999999:", b"0:,", b"%%%\n", b"\n<<<\n", b"5:")) + data[at:]
        case _:
            return data.replace(b"%%%\n", b"%%%\n" + random.choice(WORDS), 1)


def signed(random: Random, nonce: str, number: int) -> bytes:
    """A message with its fields changed, and signed as it should be; half of them as nodes of our kind say it."""
    fields = list(unpack(random.choice(RECORDED), KEYS).fields)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(fields)) if fields else 0
        match random.randrange(6):
            case 0 if fields:
                del fields[at]
            case 1 if fields:
                fields[at] = fields[at]._replace(value=random.choice((*WORDS, random.randbytes(9))))
            case 2 if fields:
                fields[at] = fields[at]._replace(kind=random.randrange(10))
            case 3:
                fields.insert(at, Field(random.choice(NAMES), random.choice(WORDS)))
            case 4:
                fields = [Field("t", random.choice(TYPES).encode()) if f.name == "t" else f for f in fields]
            case _:
                number = random.randrange(1, 1 << random.choice((8, 20, 64)))
    if random.random() < 0.9:  # or else most would be recordings
        newest = {"seq": number, "hg": 5 if random.random() < 0.99 else 5 + random.getrandbits(2)}
        fields = [f._replace(value=b"%x" % newest[f.name]) if f.name in newest else f for f in fields]
    if random.random() < 0.5:
        hello = Hello(f"{random.getrandbits(3):016x}.{random.randrange(9)}", (nonce,), *fate(random))
        fields.insert(random.randint(0, len(fields)), Field(FIELD, hello.text().encode()))
    if random.random() < 0.05:
        body = bytes(random.choices(b"0123456789:(),=abc\n", k=random.randrange(300)))
        text = wire._START + body + wire._END
        return wire.seal(text, KEYS.sign(text))
    return pack(Message(tuple(fields)), KEYS, inner=random.random() < 0.5)


def fate(random: Random) -> tuple[bool, Held, bool]:
    return random.random() < 0.5, random.choice(list(Held)), random.random() < 0.5


def unsigned(random: Random) -> bytes:
    """A datagram that no key of ours has signed. What follows a signature does not count: such ones are left out."""
    while True:
        data = spoiled(random, random.choice(RECORDED))
        try:
            unpack(data, KEYS)
        except (WireError, AuthError):
            return data


def resident() -> int:
    """Bytes of memory in use by this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unsigned_datagram_changes_nothing_but_a_counter(seed: int) -> None:
    random, node = Random(seed), Node(seed)
    peer, bad = node.cluster.peer, node.cluster.bad
    assert peer is not None
    for _ in range(300):  # tables and caches are filled
        node.cluster.receive("eth0", unsigned(random), node.now)
    before, noted = resident(), 0
    for n in range(DATAGRAMS_OF_A_SEED):
        data = unsigned(random)
        effects = node.cluster.receive(f"eth{n % 2}", data, node.now)
        noted += len(effects)
        assert {type(effect) for effect in effects} <= {Note}, data
    assert sum(bad.by_reason.values()) == sum(bad.by_link.values()) == DATAGRAMS_OF_A_SEED + 300
    assert (peer.heard_at, peer.status, peer.links_up) == (None, "init", 0)
    assert noted <= len(Reason)
    assert resident() - before < GROWTH


@pytest.mark.parametrize("failback", Failback)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_signed_raises_nothing_and_fills_nothing(seed: int, failback: Failback) -> None:
    random, node = Random(seed), Node(seed, failback)
    proof = node.cluster.reception.proof
    for number in range(1, 1000):
        node.hear("eth0", signed(random, proof.nonce, number))
    before = resident()
    for number in range(1000, 1000 + DATAGRAMS_OF_A_SEED // len(Failback)):
        node.hear(f"eth{number % 2}", signed(random, proof.nonce, number))
    assert node.cluster.peer is not None
    assert node.cluster.peer.heard_at is not None, "nothing was believed, nothing was tested"
    assert resident() - before < GROWTH
