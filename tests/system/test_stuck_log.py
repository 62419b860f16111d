"""A log that nobody reads: heartbeats go on as if it were read."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket

import pytest

from tests.system.pair import HA_CF, NAMES, Pair

ONE, TWO = NAMES
pytestmark = [pytest.mark.root, pytest.mark.system]
RELOADS = 200


def reload(pair: Pair, name: str) -> None:
    """As `hbeat reload`, which says several lines in the log, without its start-up time."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(pair.control_path(name))
        sock.sendall(b"reload\n")
        assert json.loads(sock.makefile().readline())["ok"]


def lively(pair: Pair) -> None:
    """The node writes more than the reader's queue holds, and the other hears each of its heartbeats in time."""
    for _ in range(RELOADS):
        reload(pair, ONE)
    log = pair.log(TWO)
    assert "Late heartbeat" not in log
    assert "is dead" not in log
    assert pair.owners() == [ONE]


DEV_LOG = """
mkdir /run/dev && mount --rbind /dev /run/dev && mount -t tmpfs tmpfs /dev || exit
for device in null zero random urandom; do touch /dev/$device && mount --bind /run/dev/$device /dev/$device; done
ln -s /run/systemd/journal/dev-log /dev/log
"""
"""Not every machine that runs tests has a /dev/log that leads to where the node's own syslog listens."""


def test_stopped_syslog_daemon_holds_up_no_heartbeat(pair: Pair) -> None:
    pair.write(ONE, "ha.cf", HA_CF.replace("logfile /var/log/ha-log", "logfacility local0"))
    for name in NAMES:
        pair.nodes[name].boot()
        assert pair.run(name, "sh", "-c", DEV_LOG) == (0, "")
        assert pair.heartbeat(name, "start")[0] == 0
        pair.until(lambda: pair.owners() == [ONE], 10)
    pair.until(pair.settled, 15)
    os.kill(pair.nodes[ONE]._init, signal.SIGSTOP)
    try:
        lively(pair)
    finally:
        os.kill(pair.nodes[ONE]._init, signal.SIGCONT)
    syslog = pair.nodes[ONE].folder / "log/syslog"
    pair.until(lambda: syslog.read_text().count("Configuration reloaded.") == RELOADS, 15)


def test_full_pipe_holds_up_no_heartbeat(pair: Pair) -> None:
    os.mkfifo(pair.nodes[ONE].folder / "log/ha-log")
    reader = os.open(pair.nodes[ONE].folder / "log/ha-log", os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    try:
        pair.start_both()
        lively(pair)
    finally:
        os.close(reader)
        (pair.nodes[ONE].folder / "log/ha-log").unlink()
