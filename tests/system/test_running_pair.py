"""A settled pair, looked at from outside."""

from __future__ import annotations

import json
import struct

import pytest
import yaml

from hbeat.core.auth import AuthError, Key, Keyring, Method, unpack
from tests.system.pair import GATEWAY, NAMES, VIP, Pair

KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
ONE, TWO = NAMES
ETH_P_IP = 0x0800


def heartbeats(pair: Pair, interface: str, count: int) -> list[bytes]:
    """UDP payloads to port 694 that arrive at the second node over this interface."""
    found: list[bytes] = []
    with pair.sniffer(TWO, interface, ETH_P_IP) as sock:
        while len(found) < count:
            frame = sock.recv(65535)
            header = 14 + (frame[14] & 15) * 4
            if frame[23] == 17 and struct.unpack_from("!H", frame, header + 2) == (694,):
                length = struct.unpack_from("!H", frame, header + 4)[0]
                payload = frame[header + 8 : header + length]
                if frame[26:30] != bytes(map(int, ["10", "1", "1", "3"])) and b"=test1.com" in payload:
                    found.append(payload)
    return found


@pytest.mark.parametrize("interface", ["eth0", "eth1"])
def test_signed_heartbeats_travel_on_every_cable(running: Pair, interface: str) -> None:
    wrong = Keyring(2, {2: Key(2, Method.SHA1, b"OTHER")})
    for payload in heartbeats(running, interface, 3):
        message = unpack(payload, KEYS)
        assert message.text("src") == ONE
        with pytest.raises(AuthError):
            unpack(payload, wrong)


def test_address_has_the_label_and_broadcast_of_ipaddr(running: Pair) -> None:
    status, out = running.run(ONE, "ip", "-json", "-4", "address", "show", "dev", "eth0")
    assert status == 0
    vip = next(a for a in json.loads(out)[0]["addr_info"] if a["local"] == str(VIP))
    assert (vip["prefixlen"], vip["broadcast"], vip["label"]) == (24, "10.1.1.255", "eth0:0")


def test_one_node_holds_both_addresses(running: Pair) -> None:
    assert running.owners(VIP) == [ONE]
    assert running.owners(GATEWAY) == [ONE]


@pytest.mark.parametrize(
    ("command", "status", "output"),
    [
        ("cl_status hbstatus", 0, "Heartbeat is running on this machine.\n"),
        ("cl_status listnodes", 0, "test2.com\ntest1.com\n"),
        ("cl_status nodestatus test2.com", 0, "active\n"),
        ("cl_status nodestatus TEST2.COM", 0, "active\n"),
        ("cl_status nodestatus nobody", 11, "cl_status: there is no node nobody; `cl_status listnodes` lists them\n"),
        ("cl_status nodetype test2.com", 0, "normal\n"),
        ("cl_status nodeweight test2.com", 0, "100\n"),
        ("cl_status listhblinks test2.com", 0, "\teth1\n\teth0\n"),
        ("cl_status listhblinks test2.com -v", 0, "\teth1\tup\n\teth0\tup\n"),
        ("cl_status hblinkstatus test2.com eth1", 0, "up\n"),
        ("cl_status hblinkstatus test1.com eth1", 0, "up\n"),
        ("cl_status hblinkstatus test2.com eth9", 13, "cl_status: node test2.com has no link eth9\n"),
        ("cl_status rscstatus", 0, "local\n"),
        ("cl_status hbparameter -p deadtime", 0, "500ms\n"),
        ("cl_status hbparameter -p nothing", 1, "cl_status: nothing is not set\n"),
        ("hb_standby some", 1, "usage: hb_standby [all|foreign|local|failback]\n"),
        ("hb_takeover all local", 1, "usage: hb_takeover [all|foreign|local|failback]\n"),
    ],
)
def test_commands_answer_as_the_originals(running: Pair, command: str, status: int, output: str) -> None:
    assert running.run(ONE, *command.split()) == (status, output)


def test_status_in_one_line(running: Pair) -> None:
    status, out = running.run(ONE, "hbeat", "-s")
    assert status == 0
    assert out == f"heartbeat OK [pid {running.pid(ONE)} et al] is running on test1.com [test1.com]...\n"


def test_second_start_says_that_it_runs_and_changes_nothing(running: Pair) -> None:
    before = running.pid(ONE)
    status, out = running.run(ONE, "hbeat")
    assert status == 0
    assert "already running" in out
    assert running.pid(ONE) == before
    assert running.owners() == [ONE]


def test_ordinary_user_may_not_ask(running: Pair) -> None:
    status, out = running.run(ONE, "setpriv", "--reuid=65534", "--clear-groups", "cl_status", "rscstatus")
    assert status == 1
    assert "Cannot signon" in out


def test_status_tells_everything_as_yaml(running: Pair) -> None:
    status, out = running.run(ONE, "hbeat", "status", "--yaml")
    told = yaml.safe_load(out)
    assert status == 0
    assert told["nodes"][TWO]["links"] == {"eth0": "up", "eth1": "up"}
    assert told["resources"]["held"] == "local"
    assert told["resources"]["groups"][0]["node"] == ONE


def test_status_in_words_names_nodes_links_and_groups(running: Pair) -> None:
    status, out = running.run(ONE, "hbeat", "status")
    assert status == 0
    assert "node test2.com            active   eth0 up  eth1 up" in out
    assert "test1.com: IPaddr::10.1.1.10/24/eth0 IPaddr::192.168.2.240/24/eth1" in out


def test_ordinary_user_is_told_that_it_runs_but_not_more(running: Pair) -> None:
    nobody = ("setpriv", "--reuid=65534", "--clear-groups")
    assert running.run(ONE, *nobody, "cl_status", "hbstatus") == (0, "Heartbeat is running on this machine.\n")
    status, out = running.run(ONE, *nobody, "hbeat", "-s")
    assert status == 0
    assert "Traceback" not in out
    status, out = running.run(ONE, *nobody, "hbeat", "-k")
    assert status == 4
    assert "only root and group haclient may ask" in out
    assert running.owners() == [ONE]


def test_init_script_reloads_with_exit_status_zero(running: Pair) -> None:
    status, out = running.heartbeat(ONE, "reload")
    assert status == 0
    assert out.endswith("Done.\n")
    assert running.owners() == [ONE]
