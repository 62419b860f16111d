"""The original still runs on the node where this program is started: it is named, and nothing of it is touched."""

from __future__ import annotations

from tests.interop.mixed import PROGRAM, MixedPair


def test_start_stop_and_status_beside_a_running_original_name_it_and_leave_it_alone(pair: MixedPair) -> None:
    theirs = pair.theirs
    pair.start(theirs)
    pid = pair.pid(theirs)
    for damage in ("true", "rm /var/run/heartbeat.pid"):  # one that is not active yet; one without its pid file
        assert pair.run(theirs, "sh", "-c", damage)[0] == 0
        for options, expected in ((["-s"], 1), (["-k"], 1), ([], 1), (["-r"], 1)):
            status, out = pair.run(theirs, "hbeat", *options)
            assert status == expected, out
            assert f"Linux-HA heartbeat [pid {pid}] runs on this node; stop it first: {PROGRAM} -k" in out
        pair.serves(theirs, 40)
    assert pair.run(theirs, "kill", "-0", str(pid))[0] == 0
