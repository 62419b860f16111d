"""What administrators hang on a cluster: rc.d hooks, messages through the FIFO, OCF agents, systemd units."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

import hbeat
from tests.system.pair import HA_CF, HARESOURCES, NAMES, VIP, Pair

ONE, TWO = NAMES
FIFO = "/var/lib/heartbeat/fifo"
PROGRAMS = Path(hbeat.__file__).parent / "programs"

HOOK = """#!/bin/sh
echo "$0 $1 $HA_src $HA_st own=$HA_OSTATUS nice=$HA_NICEFAILBACK dir=$HA_DIR $(date +%s.%N)" >>/var/log/hooks
"""

AGENT = """#!/bin/sh
echo "$1 $OCF_RESOURCE_TYPE $OCF_RESKEY_1 $OCF_RESKEY_size $OCF_ROOT" >>/var/log/calls
case "$1" in
start) touch /run/thing ;;
stop) rm -f /run/thing ;;
monitor) [ -e /run/thing ] || exit 7 ;;
esac
"""

SYSTEMCTL = """#!/bin/sh
echo "$*" >>/var/log/calls
case "$1" in
start) touch /run/unit ;;
stop) rm -f /run/unit ;;
is-active) if [ -e /run/unit ]; then echo active; else echo inactive; exit 3; fi ;;
esac
"""


def lines(pair: Pair, name: str, file: str) -> list[str]:
    path = pair.nodes[name].folder / "log" / file
    return path.read_text().splitlines() if path.exists() else []


def hook(pair: Pair, name: str, type_: str, text: str = HOOK) -> None:
    (pair.nodes[name].folder / "ha.d/rc.d").mkdir(exist_ok=True)
    pair.write(name, f"rc.d/{type_}", text, mode=0o755)


def script_writes(pair: Pair, name: str, *fields: str) -> None:
    text = "\\n".join([">>>", *fields, "<<<", ""])
    assert pair.run(name, "sh", "-c", f"printf '{text}' >{FIFO}") == (0, "")


def test_hooks_find_the_message_in_their_environment_and_what_is_built_in_is_not_done_twice(pair: Pair) -> None:
    hook(pair, TWO, "status")
    hook(pair, TWO, "ip-request-resp", "#!/bin/sh\n# ResourceManager takegroup\necho twice >>/var/log/hooks\n")
    hook(pair, TWO, "ifstat", "exit 3\n")
    pair.start_both()
    pair.nodes[ONE].power_off()
    pair.until(lambda: pair.owners() == [TWO], 10)
    pair.until(lambda: any(f"{ONE} dead" in line for line in lines(pair, TWO, "hooks")), 10)
    told = [line.rsplit(" ", 1)[0] for line in lines(pair, TWO, "hooks")]
    assert f"/etc/ha.d/rc.d/status status {ONE} dead own=active nice=yes dir=/etc/ha.d/" in told
    assert f"/etc/ha.d/rc.d/status status {TWO} up own=up nice=yes dir=/etc/ha.d/" in told
    assert "twice" not in told
    pair.until(lambda: "rc.d/ifstat: exit status 3" in pair.log(TWO), 10)
    assert "later release" not in pair.log(TWO)


def test_slow_hook_holds_up_neither_a_takeover_nor_heartbeats(pair: Pair) -> None:
    hook(pair, TWO, "status", "#!/bin/sh\nsleep 3\n" + HOOK)
    hook(pair, TWO, "stonith")
    pair.start_both()
    pair.run(TWO, "sleep", "5.2")  # the first five seconds announce two more of deadtime
    died = pair.nodes[ONE].power_off()
    pair.until(lambda: pair.owners() == [TWO], 10)
    assert time.monotonic() - died < 2.5
    assert "our own loop was" not in pair.log(TWO)


def test_messages_of_old_scripts_move_the_groups(pair: Pair) -> None:
    pair.start_both()
    assert pair.run(ONE, "stat", "-c", "%F %a", FIFO) == (0, "fifo 600\n")
    script_writes(pair, ONE, "t=ask_resources", "rsc_hold=all", "info=me")
    pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 10)
    script_writes(pair, ONE, "t=hb_takeover", "rsc_hold=all")
    pair.until(lambda: pair.owners() == [ONE] and pair.settled(), 10)


def test_orders_are_obeyed_before_the_program_that_waits_for_the_answer_is_loaded(pair: Pair) -> None:
    """That is for ever here."""
    pair.start_both()
    folder = pair.nodes[ONE].folder / "ha.d"
    for program, owner in (("hb_standby", TWO), ("hb_takeover", ONE)):
        shutil.copy(PROGRAMS / program, folder)
        pair.write(ONE, "hbeat", "#!/bin/sh\nexec sleep 60\n", mode=0o755)
        process = pair.nodes[ONE].start([f"/etc/ha.d/{program}"])
        pair.until(lambda owner=owner: pair.owners() == [owner] and pair.settled(), 10)  # type: ignore[misc]
        assert process.poll() is None
        process.kill()
        process.communicate()


def test_message_of_a_type_of_our_own_reaches_the_scripts_of_both_nodes(pair: Pair) -> None:
    for name in NAMES:
        hook(pair, name, "backup", '#!/bin/sh\necho "$HA_src $HA_what" >>/var/log/hooks\n')
    pair.start_both()
    script_writes(pair, ONE, "t=backup", "what=database")
    for name in NAMES:
        pair.until(lambda name=name: lines(pair, name, "hooks") == [f"{ONE} database"], 10)  # type: ignore[misc]


def test_noise_in_the_fifo_is_told_once_and_does_no_harm(pair: Pair) -> None:
    pair.start_both()
    noise = f"for n in 1 2 3 4; do head -c 2000000 /dev/urandom >{FIFO}; done"
    assert pair.run(ONE, "sh", "-c", noise) == (0, "")
    script_writes(pair, ONE, "", "", ">>>", "t=ask_resources", "rsc_hold=all", "info=me")
    pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 10)
    assert "is dead" not in pair.log(TWO)
    assert pair.log(ONE).count("message(s) of scripts dropped") == 1


def test_file_in_the_place_of_the_fifo_is_replaced(pair: Pair) -> None:
    (pair.nodes[ONE].folder / "lib/fifo").write_text(">>>\nt=hb_takeover\n")
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    assert pair.run(ONE, "stat", "-c", "%F", FIFO) == (0, "fifo\n")


def test_ocf_agent_is_run_with_its_parameters(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES.replace("\n", " Thing::/dev/sdb1::size=5\n"))
        pair.nodes[name].boot()
        place = Path(pair.nodes[name].folder, "usr/ocf/resource.d/heartbeat")
        place.mkdir(parents=True)
        (place / "Thing").write_text(AGENT)
        (place / "Thing").chmod(0o755)
        layers = f"lowerdir={place.parents[2]}:/usr/lib"
        if pair.run(name, "mount", "-t", "overlay", "none", "-o", layers, "/usr/lib")[0] != 0:
            pytest.skip("this kernel has no overlay file system")
        status, out = pair.heartbeat(name, "start")
        assert status == 0, out
    pair.until(lambda: pair.run(ONE, "test", "-e", "/run/thing")[0] == 0, 20)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    calls = lines(pair, ONE, "calls")
    assert [call.split()[0] for call in calls] == ["monitor", "monitor", "start", "stop"]
    assert calls[2] == "start Thing /dev/sdb1 5 /usr/lib/ocf"
    pair.until(lambda: pair.run(TWO, "test", "-e", "/run/thing")[0] == 0, 10)


def test_systemd_unit_is_started_where_systemd_runs(pair: Pair) -> None:
    pair.write(ONE, "haresources", HARESOURCES.replace("\n", " web\n"))
    pair.write(ONE, "systemctl", SYSTEMCTL, mode=0o755)
    pair.nodes[ONE].boot()
    prepare = "mkdir -p /run/systemd/system && touch /run/systemd/system/web.service && "
    prepare += "mount --bind /etc/ha.d/systemctl $(command -v systemctl)"
    if pair.run(ONE, "sh", "-c", prepare)[0] != 0:
        pytest.skip("there is no systemctl to put ours in the place of")
    status, out = pair.heartbeat(ONE, "start")
    assert status == 0, out
    pair.until(lambda: pair.run(ONE, "test", "-e", "/run/unit")[0] == 0, 10)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    assert lines(pair, ONE, "calls")[1:] == ["is-active -- web.service", "start -- web.service", "stop -- web.service"]


def test_legacy_pair_takes_and_gives_back_by_request(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "ha.cf", HA_CF.replace("auto_failback on", "auto_failback legacy"))
        pair.nodes[name].boot()
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: pair.owners(VIP) == [ONE], 5)
    assert pair.run(ONE, "cl_status", "rscstatus") == (0, "none\n")
    pair.nodes[ONE].power_off()
    pair.until(lambda: pair.owners(VIP) == [TWO], 10)
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners(VIP) == [ONE], 10)
    pair.says(TWO, f"{ONE} asks for IPaddr::10.1.1.10/24/eth0: giving it up")
