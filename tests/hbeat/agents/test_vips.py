"""What stands here is renewed, and what the kernel does not renew costs no more than a few questions."""

from __future__ import annotations

import pytest

from hbeat.agents import vips
from hbeat.agents.vips import Vips
from hbeat.core.lease import ATTEMPTS, Clocks, Standing
from hbeat.core.model import Resource

VIP = Resource("10.1.1.10", "IPaddr", ("10.1.1.10",))
NOWHERE = Standing(b"\x0a\x01\x01\x0a", 24, 0x7FFFFFF0)
"""On an interface that is not there: the kernel refuses to renew it, and who is not root to ask."""


def test_refused_renewal_is_reported_once_and_the_loop_rests_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(vips, "read_clocks", lambda: Clocks(now, now))
    reports: list[str] = []
    standing = Vips(1, reports.append)
    standing.stands(VIP, NOWHERE, Clocks(now, now))
    turns = 0
    lost: list[Resource] = []
    while not lost:
        deadline = standing.next_deadline()
        assert deadline is not None
        now = max(now + 0.0001, deadline)  # a turn takes some time
        lost = standing.renew()
        turns += 1
        assert turns < ATTEMPTS
    assert lost == [VIP]
    assert now == pytest.approx(100.5, abs=0.03)
    (told,) = reports
    assert told.startswith("10.1.1.10: its lease is not renewed: ")
    standing.close()
