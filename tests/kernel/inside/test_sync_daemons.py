"""LVSSyncDaemonSwap against real IPVS: which daemon runs is what the kernel's threads and ipvsadm say."""

from __future__ import annotations

import subprocess

import pytest

from hbeat.adapters.ipvs_sync import SyncDaemons
from hbeat.agents.sync_daemon import swap
from hbeat.config.haresources import parse_resource
from hbeat.core.events import Action, Outcome

MASTER = "LVSSyncDaemonSwap::master::eth9::7"


@pytest.fixture(autouse=True)
def interface() -> None:
    subprocess.run("ip link add eth9 type dummy 2>/dev/null; ip link set eth9 up", shell=True, check=False)
    daemons = SyncDaemons()
    for state in daemons.running():
        daemons.stop(state)
    daemons.close()


def do(action: Action, word: str = MASTER) -> Outcome:
    return swap(parse_resource(word), action)


def ipvsadm() -> str:
    return subprocess.run(["ipvsadm", "-l", "--daemon"], capture_output=True, text=True, check=True).stdout


def test_start_swaps_backup_for_master_and_stop_swaps_back() -> None:
    assert do(Action.STOP).ok
    assert "backup sync daemon (mcast=eth9, syncid=7" in ipvsadm()
    assert not do(Action.STATUS).running
    assert do(Action.START).ok
    assert "master sync daemon (mcast=eth9, syncid=7" in ipvsadm()
    assert "backup" not in ipvsadm()
    assert do(Action.STATUS).running
    assert do(Action.STOP).ok
    assert "master" not in ipvsadm()
    assert "backup sync daemon (mcast=eth9, syncid=7" in ipvsadm()


def test_what_runs_already_stays_and_other_settings_are_taken_up() -> None:
    assert do(Action.START).ok
    assert do(Action.START).ok
    assert do(Action.START, "LVSSyncDaemonSwap::master::eth9::9").ok
    assert "syncid=9" in ipvsadm()
    assert "syncid=7" not in ipvsadm()
    assert not do(Action.STATUS).running


def test_interface_that_is_not_there_fails_the_start_and_not_the_stop() -> None:
    start = do(Action.START, "LVSSyncDaemonSwap::master::none0")
    assert not start.ok
    assert "No such device" in start.detail
    assert do(Action.STOP, "LVSSyncDaemonSwap::master::none0").ok
