"""Every datagram that one original sent the other, given to a node of ours in the other's place.

It must be accepted, and where the original answered, ours answers with a message of the same type. What we refuse on
purpose, or accept although the original does not, stands with its reason in `test_vectors`.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from hbeat.core.auth import Keyring, pack, unpack
from hbeat.core.cluster import Cluster
from hbeat.core.events import Effect, Outcome, RunResource, Say, SendDatagram
from hbeat.core.model import Failback, Timing
from hbeat.core.outbox import Identity
from hbeat.core.settings import Settings
from hbeat.core.wire import Message
from tests.hbeat.core.test_vectors import CAPTURES, captured, keyring
from tests.hbeat.machine import SEED_GROUP

NODES = ("test1.com", "test2.com")
ANSWERS = {
    ("reqnodes", ""): "repnodes",
    ("starting", ""): "resource",
    ("ask_resources", "me"): "ask_resources",
    ("query-cstatus", ""): "respond-cstatus",
    ("ip-request", ""): "ip-request-resp",
}
"""What a stable node answers at once, by type and info of the request."""
SECONDS = 3.0
"""Within which the original answered, on a loaded machine."""


def receiver(row: dict[str, Any], message: Message, keys: Keyring) -> Cluster:
    """A stable node that holds its own groups, and hears the sender of the row since one message ago."""
    (me,) = set(NODES) - {row["from_node"]}
    legacy = message.text("t").startswith("ip-request")
    settings = Settings(
        Identity(me, bytes(16), 1, 3),
        NODES,
        ("eth0", "eth1"),
        Timing(keepalive=1, warntime=10, deadtime=20, initdead=20, deadping=20),
        Failback.LEGACY if legacy else Failback.ON,
        (SEED_GROUP,),
    )
    cluster = Cluster(settings, keys, lambda: (1, ""), Random(1), 0.0)
    done(cluster, cluster.begin(0.0))
    number, generation = message.number("seq") or 100, f"{message.number('hg'):x}"
    said = (  # what comes before it
        [("t", "status"), ("st", "active"), ("dt", "4e20"), ("protocol", "1")],
        [("t", "repnodes"), ("nodelist", "test1.com test2.com "), ("delnodelist", " ")],
        [("t", "resource"), ("rsc_hold", "local"), ("rtype", "full"), ("isstable", "1")],
    )
    heard = said[: min(number, 2 if legacy else 3)]
    for before, fields in enumerate(heard, number - len(heard)):
        common = [("src", row["from_node"]), ("seq", f"{before:x}"), ("hg", generation), ("ts", "1")]
        done(cluster, cluster.receive("eth0", pack(Message.of([*fields, *common]), keys), 1.0))
    return cluster


def done(cluster: Cluster, effects: list[Effect]) -> list[Effect]:
    """The effects and all that follows when every resource action succeeds at once."""
    every, pending = [], list(effects)
    while pending:
        effect = pending.pop(0)
        every.append(effect)
        if isinstance(effect, RunResource):
            pending += cluster.finished(effect.op_id, Outcome(ok=True), 1.0)
    return every


def said(effects: list[Effect], keys: Keyring) -> list[Message]:
    return [unpack(effect.data, keys) for effect in effects if isinstance(effect, SendDatagram)]


@pytest.mark.parametrize("name", CAPTURES)
def test_datagram_of_an_original_is_accepted_and_answered_as_the_other_one_answered(name: str) -> None:
    rows = captured(name)
    compared = sum(compare(rows, row) for row in rows if row.get("from_node") in NODES)
    assert compared == sum(row.get("from_node") in NODES for row in rows) > 0


def compare(rows: list[dict[str, Any]], row: dict[str, Any]) -> bool:
    """Gives one datagram to a node of ours and looks at what it does."""
    data, keys = bytes.fromhex(row["payload_hex"]), keyring(row["key"])
    message = unpack(data, keys)
    cluster = receiver(row, message, keys)
    type_ = message.text("t")
    first = message.number("firstseq", 10) if type_ == "NS_rexmit" else None
    while first is not None and cluster.outbox.sequence < first:
        cluster.outbox.send(Say.of("status"), 1.0)
    answer = done(cluster, cluster.receive("eth0", data, 1.5))
    assert sum(cluster.bad.by_reason.values()) == 0, row["id"]
    assert cluster.peer is not None
    assert cluster.peer.links["eth0"].heard_at == 1.5, row["id"]
    if first is not None:
        assert first in [m.number("seq") for m in said(answer, keys)], row["id"]
    expected = ANSWERS.get((type_, message.text("info")))
    if expected is not None and answered(rows, row, expected):
        assert expected in [m.text("t") for m in said(answer, keys)], row["id"]
    return True


def answered(rows: list[dict[str, Any]], row: dict[str, Any], type_: str) -> bool:
    """Whether the original in our place said this soon after."""
    heard = row["seen"][0]["t"]
    return any(
        other["type"] == type_
        and other["from_node"] != row["from_node"]
        and 0 <= min(seen["t"] for seen in other["seen"]) - heard <= SECONDS
        for other in rows
    )


@pytest.mark.parametrize("type_", sorted({request for request, _ in ANSWERS}))
def test_the_recordings_have_answers_to_compare_with(type_: str) -> None:
    """Negative control: the comparison above is not empty."""
    found = [
        answered(rows, row, expected)
        for rows in map(captured, CAPTURES)
        for row in rows
        for (request, info), expected in ANSWERS.items()
        if row["type"] == request == type_ and info in [f["value"] for f in row["fields"] if f["name"] == "info"] + [""]
    ]
    assert any(found)
