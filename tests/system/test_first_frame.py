"""The first frame of a new address does not wait for what is done behind it."""

from __future__ import annotations

import selectors
import time
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from hbeat.adapters.peer_file import PeerFile
from hbeat.agents.vips import Vips
from hbeat.core.events import Action, Effect, Level, Note, RunResource
from hbeat.core.model import Resource
from hbeat.network import Network
from hbeat.operations import Operations
from hbeat.performer import Performer
from migration.namespaces import NetworkNamespace
from tests.hbeat.world import World
from tests.system.player import Player

ETH_P_ARP = 0x0806
SLOW = 0.01
"""Seconds that each line for the log takes."""


def test_it_is_on_the_wire_before_the_second_slow_thing_behind_it(
    host: NetworkNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for watch in ("CableWatch", "AddressWatch", "ConnectionWatch"):  # they open sockets
        monkeypatch.setattr(f"hbeat.performer.{watch}", lambda *_: None)
    player = Player(host, tmp_path / "default_route")
    seen: list[bool] = []

    with (
        player.listener("far0", ETH_P_ARP) as wire,
        selectors.DefaultSelector() as selector,
        closing(player.agents) as agents,
        host.entered(),
    ):
        wire.setblocking(False)

        def tell(note: Note) -> None:
            if note.level is Level.DEBUG:
                try:
                    seen.append(bool(wire.recv(200)))
                except BlockingIOError:
                    seen.append(False)
                time.sleep(SLOW)

        performer = Performer(
            World().boot("a"),
            cast(Network, None),
            agents,
            Operations(selector),
            selector,
            cast(Vips, None),
            cast(PeerFile, None),
            tell,
            lambda at: None,
        )
        vip = Resource("vip", "IPaddr", ("10.1.1.20/24/eth0",))
        effects: list[Effect] = [RunResource(0, vip, Action.START), *(Note(Level.DEBUG, "slow") for _ in range(3))]
        performer.perform(effects)
    assert seen[1:2] == [True]
    assert sum(seen) == 1
