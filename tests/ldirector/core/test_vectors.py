"""The director against the tables the original program left in a real kernel, stage by stage, in virtual time."""

from __future__ import annotations

import itertools

import pytest

from tests.ldirector.core.vector_cases import DIFFERENCES, Case, all_cases, differs

differs(
    "04_forwarding",
    "start later",
    "gate forces the virtual's port on the entry; the original then looks for :8080 and never raises it (g-5)",
    without="-a -t 10.1.1.10:80 -r 192.168.2.240:80 -g -w 0",
    instead="-a -t 10.1.1.10:80 -r 192.168.2.240:80 -g -w 6",
)
differs(
    "07_ipv6",
    "a80-refuses",
    "the global fallback also serves firewall marks (g-6)",
    instead="-a -f 5 -6 -r [::1]:80 -g -w 1",
)
differs(
    "11_checktype_ping",
    "h2-gone",
    "three failed checks take three intervals; the original's rounds are stretched by each dead server (g-8)",
    without="-a -u 10.1.1.10:514 -r 192.168.2.237:514 -m -w 1",
    instead="-a -u 10.1.1.10:514 -r 192.168.2.237:514 -m -w 0",
)
differs(
    "12_checktype_external",
    "start second-real-fails second-real-recovers",
    "a server that never was up is at weight 0 in each of its virtuals, not in one of them only (g-12)",
    instead="-a -t 10.1.1.10:83 -r 192.168.2.236:80 -m -w 0",
)
differs(
    "13_dns_udp",
    "start ns2-wrong-answer ns2-silent ns2-back",
    "a dns check without receive is good with any address; the original's could never succeed (g-14)",
    without="-a -u 10.1.1.11:53 -r 192.168.2.236:53 -m -w 0",
    instead="-a -u 10.1.1.11:53 -r 192.168.2.236:53 -m -w 1",
)
differs(
    "15_ops_checkport_thresholds",
    "start web2-refuses",
    "a lower threshold without an upper one is left out with a warning, the server serves (g-15)",
    instead="-a -t 10.1.1.10:90 -r 192.168.2.238:90 -m -w 4",
)
differs(
    "22_readdquiescent",
    "both-deleted-by-hand",
    "what somebody deletes by hand is put back within an interval (g-11)",
    instead="""
        -a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 2
        -a -t 10.1.1.10:80 -r 192.168.2.237:80 -m -w 0
    """,
)
differs(
    "22_readdquiescent",
    "web1-refuses",
    "what somebody deleted by hand was put back (g-11)",
    instead="-a -t 10.1.1.10:80 -r 192.168.2.237:80 -m -w 0",
)
differs(
    "25_http_details",
    "start",
    "certificates are not verified by default, so a self-signed back end is up (reference c, https)",
    without="-a -t 10.1.1.10:443 -r 192.168.2.240:443 -m -w 0",
    instead="-a -t 10.1.1.10:443 -r 192.168.2.240:443 -m -w 1",
)
differs(
    "27_invalid_reload",
    "web1-refuses",
    "a file that cannot be read leaves checking and switching as it was (g-2)",
    without="""
        -a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 1
        -a -t 10.1.1.10:81 -r 192.168.2.236:80 -m -w 1
        -a -t 10.1.1.10:82 -r 192.168.2.236:80 -m -w 1
    """,
    instead="""
        -a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 0
        -a -t 10.1.1.10:81 -r 192.168.2.236:80 -m -w 0
        -a -t 10.1.1.10:82 -r 192.168.2.236:80 -m -w 0
    """,
)
differs(
    "27_invalid_reload",
    "stop",
    "a verb met by a broken file leaves the pid file alone, so a later stop works (g-1)",
    without="""
        -A -t 10.1.1.10:80 -s wrr
        -a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 1
        -a -t 10.1.1.10:80 -r 192.168.2.237:80 -m -w 1
        -A -t 10.1.1.10:81 -s wrr
        -a -t 10.1.1.10:81 -r 192.168.2.236:80 -m -w 1
        -A -t 10.1.1.10:82 -s wrr
        -a -t 10.1.1.10:82 -r 192.168.2.236:80 -m -w 1
    """,
)
differs(
    "28_fallbackcommand",
    "both-refuse web2-back",
    "the global fallback also serves firewall marks (g-6)",
    instead="-a -f 9 -r 127.0.0.1:0 -g -w 1",
)

PLAYED = [path.name for path in all_cases()]


@pytest.mark.parametrize("name", PLAYED)
def test_table_is_the_recorded_one_at_the_end_of_every_stage(name: str) -> None:
    case = Case(name)
    recorded = case.expected()
    for outcome in case.play():
        wanted = recorded[outcome.stage]
        if difference := DIFFERENCES.get((name, outcome.stage)):
            assert set(difference.without) <= set(wanted), "the recorded table has no such line"
            wanted = [line for line in wanted if line not in difference.without] + list(difference.instead)
            assert sorted(outcome.saved) == sorted(wanted), f"stage {outcome.stage}"
        else:
            assert outcome.saved == wanted, f"stage {outcome.stage}"


@pytest.mark.parametrize("name", PLAYED)
def test_listing_is_the_recorded_one_where_the_table_is(name: str) -> None:
    case = Case(name)
    recorded = case.expected("# ipvsadm -Ln")
    for outcome in case.play():
        if (name, outcome.stage) not in DIFFERENCES:
            assert outcome.listed == recorded[outcome.stage], f"stage {outcome.stage}"


def test_every_listed_difference_is_of_a_stage_that_is_played() -> None:
    stages = {(name, stage["name"]) for name in PLAYED for stage in Case(name).story["stages"]}
    assert set(DIFFERENCES) <= stages


def test_thresholds_are_the_recorded_ones_except_where_the_original_loses_them() -> None:
    case = Case("15_ops_checkport_thresholds")
    recorded = case.expected("# ipvsadm -Ln --thresholds")
    start = next(case.play())
    ours = set(start.thresholds) - set(recorded["start"])
    assert ours == {
        "  -> 192.168.2.237:90 30 0 0 0",  # u: without l: is lost by the original
        "  -> 192.168.2.238:90 0 0 0 0",  # absent there
    }


def test_two_virtuals_with_the_same_connect_check_share_one_probe() -> None:
    case = Case("17_reload_changes")
    next(case.play())
    connects = [now for now, spec in case.world.probes if spec.method == "connect"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(connects)]
    assert min(gaps[1:]) > 1.9  # one connect in each interval of 2 s, although two virtuals want it


def test_combined_check_makes_three_connects_after_each_negotiate() -> None:
    case = Case("23_combined_N")
    next(case.play())
    kinds = "".join(spec.method[0] for _, spec in case.world.probes if spec.address.endswith("236"))
    assert kinds.startswith("ncccncccn")


def test_file_that_cannot_be_read_is_reported_with_its_place() -> None:
    case = Case("27_invalid_reload")
    list(case.play())
    assert any(note.startswith("ldirectord.cf:6: unknown directive 'bogus=1'") for note in case.world.notes)
