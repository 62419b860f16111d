"""Bad input: a clear message with the place, and whatever runs goes on as before."""

from __future__ import annotations

import pytest
import yaml

from hbeat.core.auth import Key, Keyring, Method, pack
from hbeat.core.wire import Message
from tests.system.pair import AUTHKEYS, HA_CF, HARESOURCES, NAMES, Pair

ONE, TWO = NAMES
NOT_CONFIGURED = 6


def forged(key: str) -> bytes:
    fields = [("t", "shutdone"), ("st", "dead"), ("src", TWO), ("seq", "fffff"), ("hg", "7fffffff"), ("ts", "7fffffff")]
    return pack(Message.of(fields), Keyring(2, {2: Key(2, Method.SHA1, key.encode())}))


def dropped(pair: Pair, reason: str) -> int:
    """How many datagrams the first node has dropped for this reason."""
    answer = yaml.safe_load(pair.run(ONE, "hbeat", "status", "--yaml")[1])
    count = answer["dropped"]["reasons"].get(reason, 0)
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (forged("WRONG"), "bad signature"),
        (forged("PASSWORD")[:-20], "malformed"),
        (b"###\n5:hello,%%%\n", "malformed"),
    ],
    ids=["wrong-key", "truncated", "unsigned"],
)
def test_datagram_that_is_not_ours_is_counted_and_logged_and_changes_nothing(
    running: Pair, datagram: bytes, reason: str
) -> None:
    before, counted = running.pid(ONE), dropped(running, reason)
    with running.udp_socket(TWO) as sock:
        sock.sendto(datagram, ("10.1.1.2", 694))
    running.until(lambda: dropped(running, reason) == counted + 1, 5)
    running.says(ONE, f"datagram on eth0 dropped: {reason}: ")  # once in a while for each reason
    assert running.owners() == [ONE]
    assert running.pid(ONE) == before
    assert running.run(ONE, "cl_status", "nodestatus", TWO) == (0, "active\n")


def test_node_with_another_key_is_not_heard(pair: Pair) -> None:
    pair.write(TWO, "authkeys", AUTHKEYS.replace("PASSWORD", "PASSW0RD"), mode=0o600)
    for name in NAMES:
        pair.nodes[name].boot()
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: "signature with key 2 is wrong" in pair.log(ONE), 5)
    pair.until(lambda: pair.run(ONE, "cl_status", "nodestatus", TWO)[1] == "dead\n", 10)
    assert "PASSW" not in pair.log(ONE) + pair.log(TWO)


BAD_FILES = [
    ("authkeys", AUTHKEYS, 0o640, "/etc/ha.d/authkeys: bad permissions 0640", "chmod 600 /etc/ha.d/authkeys"),
    ("authkeys", "auth 3\n2 sha1 PASSWORD\n", 0o600, "/etc/ha.d/authkeys:1:", "3"),
    (
        "haresources",
        "test3.com 10.1.1.10\n",
        0o644,
        "/etc/ha.d/haresources:1: bad nodename test3.com",
        "test1.com, test2.com",
    ),
    (
        "ha.cf",
        HA_CF.replace("deadtime", "deadtim"),
        0o644,
        '/etc/ha.d/ha.cf:3: unknown directive "deadtim"',
        "deadtime",
    ),
    ("ha.cf", HA_CF.replace("500ms", "2s"), 0o644, "/etc/ha.d/ha.cf:3:", "2s"),
    *(
        (
            file,
            f"{text}{line}\n",
            mode,
            f"/etc/ha.d/{file}:{text.count(chr(10)) + 1}: the control character 0x00",
            "remove",
        )
        for file, text, mode, line in (
            ("ha.cf", HA_CF, 0o644, "logfile /var/log/a\0b"),
            ("ha.cf", HA_CF, 0o644, "respawn root /bin/sleep \0"),
            ("haresources", HARESOURCES, 0o644, "test1.com ldirectord::/etc/../x\0y"),
            ("authkeys", AUTHKEYS, 0o600, "3 sha1 PASS\0WORD"),
        )
    ),
]
IDS = ["group-readable-authkeys", "auth-without-key", "unknown-node", "typo", "bad-time"]
IDS += ["nul-in-logfile", "nul-in-respawn", "nul-in-haresources", "nul-in-authkeys"]


@pytest.mark.parametrize(("file", "text", "mode", "place", "cure"), BAD_FILES, ids=IDS)
def test_start_with_a_bad_file_is_refused_with_its_place(
    pair: Pair, file: str, text: str, mode: int, place: str, cure: str
) -> None:
    pair.nodes[ONE].boot()
    pair.write(ONE, file, text, mode)
    status, out = pair.run(ONE, "hbeat")
    assert status == NOT_CONFIGURED
    assert place in out
    assert cure in out
    assert "PASSWORD" not in out


@pytest.mark.parametrize(("file", "text", "mode", "place", "cure"), BAD_FILES, ids=IDS)
def test_reload_with_a_bad_file_is_refused_and_everything_goes_on(
    running: Pair, file: str, text: str, mode: int, place: str, cure: str
) -> None:
    path = running.nodes[ONE].folder / "ha.d" / file
    good, good_mode = path.read_text(), path.stat().st_mode & 0o777
    before = running.pid(ONE)
    try:
        running.write(ONE, file, text, mode)
        status, out = running.run(ONE, "hbeat", "-r")
        assert status == 1
        assert place in out
        assert cure in out
        assert running.pid(ONE) == before
        assert running.owners() == [ONE]
        assert running.run(ONE, "cl_status", "nodestatus", TWO) == (0, "active\n")
    finally:
        running.write(ONE, file, good, good_mode)
    assert running.run(ONE, "hbeat", "-r")[0] == 0


def test_new_address_in_haresources_comes_with_a_reload(running: Pair) -> None:
    try:
        for name in NAMES:
            running.write(name, "haresources", HARESOURCES + "test1.com 10.1.1.77\n")
            assert running.run(name, "hbeat", "-r")[0] == 0
        running.until(lambda: "10.1.1.77" in running.run(ONE, "ip", "address")[1], 5)
    finally:
        for name in NAMES:
            running.write(name, "haresources", HARESOURCES)
            assert running.run(name, "hbeat", "-r")[0] == 0
    running.until(lambda: "10.1.1.77" not in running.run(ONE, "ip", "address")[1], 5)
    assert running.owners() == [ONE]


def test_interface_that_is_not_there_is_named(pair: Pair) -> None:
    pair.nodes[ONE].boot()
    pair.write(ONE, "ha.cf", HA_CF.replace("ucast eth1", "ucast eth7"))
    status, out = pair.run(ONE, "hbeat")
    assert status == 0  # it may be on its way, and the other link is there
    for number, line in enumerate(HA_CF.splitlines(), 1):
        if line == "ucast eth1 192.168.2.241":
            assert f"warning: ha.cf:{number}: there is no interface eth7" in out
    pair.says(ONE, "there is no interface eth7")


def put(pair: Pair, file: str, command: str) -> None:
    """Something else in the place of a file of the first node."""
    status, out = pair.run(ONE, "sh", "-c", f"cd /etc/ha.d && rm -f {file} && {command} {file} && chmod 600 {file}")
    assert status == 0, out


ODD_FILES = [
    ("authkeys", "truncate -s 400M", "it has more than 256 KiB", "put a text file there"),
    ("nodeinfo", "mkfifo", "it is not a regular file", "put a text file there"),
    ("ha.cf", "mkfifo", "it is not a regular file", "put a text file there"),
    ("nodeinfo", "printf 'test1.c\\366m\\n' >", "is not one name", "or remove the file"),
    ("nodeinfo", "echo test2.com >", "is called test2.com now, and its heartbeat runs as test1.com", "or restart"),
]


@pytest.mark.parametrize(("file", "command", "what", "cure"), ODD_FILES)
def test_reload_with_something_odd_in_the_place_of_a_file_is_refused_and_the_peer_hears_every_beat(
    running: Pair, file: str, command: str, what: str, cure: str
) -> None:
    path = running.nodes[ONE].folder / "ha.d" / file
    good = path.read_text() if path.exists() else None
    before = running.pid(ONE), running.log(TWO).count("Late heartbeat"), running.log(TWO).count("is dead")
    try:
        put(running, file, command)
        status, out = running.run(ONE, "hbeat", "-r")
        assert (status, f"/etc/ha.d/{file}" in out, what in out, cure in out) == (1, True, True, True), out
    finally:
        path.unlink()
        if good is not None:
            running.write(ONE, file, good, 0o600)
    assert running.run(ONE, "hbeat", "-r")[0] == 0
    assert (running.pid(ONE), running.log(TWO).count("Late heartbeat"), running.log(TWO).count("is dead")) == before
    assert running.owners() == [ONE]


@pytest.mark.parametrize(("file", "command", "what", "cure"), ODD_FILES[:-1])
def test_start_with_something_odd_in_the_place_of_a_file_is_refused_with_the_cure(
    pair: Pair, file: str, command: str, what: str, cure: str
) -> None:
    pair.nodes[ONE].boot()
    put(pair, file, command)
    status, out = pair.run(ONE, "hbeat")
    assert (status, f"/etc/ha.d/{file}" in out, what in out, cure in out) == (NOT_CONFIGURED, True, True, True), out


def test_reload_with_an_emptied_haresources_is_refused_and_the_groups_stay(running: Pair) -> None:
    try:
        running.write(ONE, "haresources", "# all gone\n")
        status, out = running.run(ONE, "hbeat", "-r")
        assert (status, "/etc/ha.d/haresources: it has no groups any more" in out) == (1, True), out
    finally:
        running.write(ONE, "haresources", HARESOURCES)
    assert running.owners() == [ONE]


def test_takeover_and_standby_without_a_live_peer_say_so_and_are_not_done(pair: Pair) -> None:
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE], 10)
    for program, done in (("hb_takeover", "takeover"), ("hb_standby", "standby")):
        status, out = pair.run(ONE, program, "all")
        assert (status, f"{done} of all resources (hb_" in out, "there is no live peer" in out) == (1, True, True), out
    assert pair.log(ONE).count("refused: there is no live peer") == 2
    assert pair.owners() == [ONE]
