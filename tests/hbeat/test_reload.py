"""What of a changed ha.cf waits for a restart, and what may not be looked up while heartbeats are sent."""

from __future__ import annotations

import socket

import pytest

from hbeat.adapters import udp
from hbeat.config.errors import ConfigError
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.ha_config import HaConfig
from hbeat.reload import check_hosts, waiting_for_restart

BASE = "ucast lo 10.1.1.3\nnode a b\nauto_failback on\nlogfacility local0\n"


def config(text: str) -> HaConfig:
    return parse_ha_cf(text, "ha.cf", own_name=None)


@pytest.mark.parametrize(
    "line",
    [
        *("keepalive 2", "deadtime 10", "ucast eth1 10.2.2.2", "bcast eth1", "udpport 700", "ping 10.1.1.1", "debug 1"),
        *("msgfmt netstring", "max_rexmit_delay 100", "auto_failback off", "log_badpack off", "# remark"),
    ],
)
def test_most_changes_wait_for_nothing(line):
    assert list(waiting_for_restart(config(BASE), config(f"{BASE}{line}\n"))) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("node c", ":5: node is not what it was at the start; a restart takes it up"),
        ("rtprio 5", ":5: rtprio is not what it was at the start; a restart takes it up"),
        ("hbgenmethod time", ":5: hbgenmethod is not what it was at the start; a restart takes it up"),
        ("auto_failback legacy", ":5: auto_failback from or to legacy; a restart, on both nodes, takes it up"),
        ("respawn root /x/ipfail", ":5: respawn of ipfail has come or gone; a restart takes it up"),
    ],
)
def test_what_waits_for_a_restart_is_told_with_its_line(line, told):
    before = BASE.replace("node a b", "node a") if line == "node c" else BASE
    after = f"{before}{line}\n"
    assert list(waiting_for_restart(config(before), config(after))) == [f"/etc/ha.d/ha.cf{told}"]


def test_a_value_that_went_is_told_for_the_file():
    (told,) = waiting_for_restart(config(f"{BASE}rtprio 5\n"), config(BASE))
    assert told == "/etc/ha.d/ha.cf: rtprio is not what it was at the start; a restart takes it up"


def test_new_names_are_refused_with_their_line_since_looking_them_up_holds_up_heartbeats():
    with pytest.raises(ConfigError) as caught:
        check_hosts(
            [(4, "known.test", 1), (4, "10.1.1.3", 2), (6, "fd00::1", 3), (4, "new.test", 4)],
            {(4, "known.test"): "10.1.1.9"},
        )
    assert str(caught.value) == (
        "/etc/ha.d/ha.cf:4: new.test would have to be looked up, which holds up heartbeats; "
        "write its address, or restart"
    )


def test_a_name_that_is_known_is_not_looked_up_again(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words: pytest.fail(f"looked up: {words}"))
    media = udp.Media(config(BASE.replace("10.1.1.3", "peer.test")).media, {(4, "peer.test"): "10.1.1.3"})
    assert media.addresses == {(4, "peer.test"): "10.1.1.3"}
    media.close()
