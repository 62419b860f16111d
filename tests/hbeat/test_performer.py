"""What is done of a list of effects when one of them meets a bug."""

from __future__ import annotations

import selectors
from contextlib import closing
from typing import cast

import pytest

from hbeat.adapters.peer_file import PeerFile
from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.core.events import Effect, Exit, Level, Note, Remember
from hbeat.core.model import PeerRecord
from hbeat.network import Network
from hbeat.operations import Operations
from hbeat.performer import Performer
from tests.hbeat.world import World


class Broken(PeerFile):
    """Stands for an adapter that meets what it does not know."""

    def __init__(self) -> None:
        """No process that writes."""

    def keep(self, record: PeerRecord) -> str:
        raise ZeroDivisionError


def test_a_bug_in_one_effect_is_told_and_those_behind_it_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for watch in ("CableWatch", "AddressWatch", "ConnectionWatch"):  # they open sockets
        monkeypatch.setattr(f"hbeat.performer.{watch}", lambda *_: None)
    told: list[Note] = []
    left: list[float] = []
    with selectors.DefaultSelector() as selector, closing(Agents({}, pytest.fail)) as agents:
        performer = Performer(
            World().boot("a"),
            cast(Network, None),
            agents,
            Operations(selector),
            selector,
            cast(Vips, None),
            Broken(),
            told.append,
            left.append,
        )
        effects: list[Effect] = [Remember(cast(PeerRecord, None)), Note(Level.INFO, "behind it"), Exit()]
        performer.perform(effects)
        performer.perform([Note(Level.INFO, "the next turn")])
    assert "ZeroDivisionError" in told[0].text
    assert [note.text for note in told[1:]] == ["behind it", "the next turn"]
    assert len(left) == 1
