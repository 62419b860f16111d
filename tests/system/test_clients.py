"""Respawned programs and the watchdog of a running daemon: seen from the processes and from the device."""

from __future__ import annotations

import os

from tests.system.pair import HA_CF, NAMES, Pair

ONE, TWO = NAMES

CLIENT = """#!/bin/sh
trap 'echo "ended $(id -un)" >>/var/log/client; exit 0' TERM
echo "started $(id -un) $HA_CURHOST $1" >>/var/log/client
echo $$ >/var/log/client.pid
while :; do sleep 0.05; done
"""


def lines(pair: Pair) -> list[str]:
    path = pair.nodes[ONE].folder / "log" / "client"
    return path.read_text().splitlines() if path.exists() else []


def test_a_respawned_program_runs_as_its_user_while_the_node_is_active(pair: Pair) -> None:
    pair.write(ONE, "client", CLIENT, mode=0o755)
    pair.write(ONE, "ha.cf", HA_CF + "respawn daemon /etc/ha.d/client word\n")
    pair.nodes[ONE].boot()
    log = pair.nodes[ONE].folder / "log"
    for name in ("client", "client.pid"):
        (log / name).touch()
        (log / name).chmod(0o666)
    for folder in (log, log.parent, log.parent.parent):
        folder.chmod(0o755)
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: lines(pair) == ["started daemon test1.com word"], 10)
    pair.until(lambda: (log / "client.pid").read_text().endswith("\n"), 10)
    assert pair.run(ONE, "kill", "-KILL", (log / "client.pid").read_text().strip())[0] == 0
    pair.until(lambda: len(lines(pair)) == 2, 10)
    pair.says(ONE, "killed by signal 9); starting it again")
    assert pair.heartbeat(ONE, "stop")[0] == 0
    assert lines(pair)[2:] == ["ended daemon"]


def test_a_program_that_is_not_there_keeps_the_daemon_from_starting(pair: Pair) -> None:
    pair.write(ONE, "ha.cf", HA_CF + "respawn root /etc/ha.d/missing\n")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status == 6
    assert "ha.cf:11: respawn: /etc/ha.d/missing is no executable file; install it, or remove the line" in out


def test_the_watchdog_is_fed_until_the_daemon_says_farewell_and_a_hanging_one_feeds_nothing(pair: Pair) -> None:
    device = pair.nodes[ONE].folder / "log" / "watchdog"
    os.mkfifo(device)
    reading = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    pair.write(ONE, "ha.cf", HA_CF + "watchdog /var/log/watchdog\n")
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    eaten = b""

    def fed(pieces: int) -> bool:
        nonlocal eaten
        eaten += food(reading)
        return len(eaten) >= pieces

    pair.until(lambda: fed(10), 10)
    assert set(eaten) == {0}
    pid = str(pair.pid(ONE))
    assert pair.run(ONE, "kill", "-STOP", pid)[0] == 0
    food(reading)
    pair.run(ONE, "sleep", "1")
    assert food(reading) == b""
    assert pair.run(ONE, "kill", "-CONT", pid)[0] == 0
    assert pair.heartbeat(ONE, "stop")[0] == 0
    assert food(reading).endswith(b"V")
    os.close(reading)


def food(reading: int) -> bytes:
    try:
        return os.read(reading, 65536)
    except BlockingIOError:
        return b""


def test_a_watchdog_that_is_not_there_is_told_with_its_line(pair: Pair) -> None:
    pair.write(ONE, "ha.cf", HA_CF + "watchdog /dev/no-watchdog\n")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status == 1
    assert "ha.cf:11: watchdog /dev/no-watchdog: No such file or directory; load its driver (modprobe softdog)" in out
