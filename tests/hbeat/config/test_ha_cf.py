from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.config.directive import Kind, Support
from hbeat.config.directives import DIRECTIVES, LIBRARY_CLIENTS
from hbeat.config.errors import ConfigError, Problem
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.ha_config import HaConfig, Respawn
from hbeat.config.media import Medium, MediumKind
from hbeat.core.model import Failback, Timing

ROOT = Path(__file__).parents[3]
SEED = ROOT / "tests/vectors/ultramonkey"
LEAST = "ucast eth0 10.1.1.3\nnode a b\nauto_failback on\nlogfacility local0\n"


def parse(text: str, own_name: str | None = "a") -> HaConfig:
    return parse_ha_cf(text, "ha.cf", own_name=own_name)


def errors(text: str, own_name: str | None = "a") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, own_name)
    return str(caught.value).splitlines()


def findings(text: str) -> tuple[Problem, ...]:
    """The errors, () if the text is accepted."""
    try:
        parse(text, None)
    except ConfigError as error:
        return error.problems
    return ()


def warnings(text: str) -> list[str]:
    return [str(problem) for problem in parse(text).warnings]


def test_the_seed_file_loads_on_a_machine_without_ipfail():
    config = parse_ha_cf((SEED / "test1.com/ha.cf").read_text(), "ha.cf", own_name="test1.com")
    assert config.nodes == ("test1.com", "test2.com")
    assert config.media == (
        Medium(MediumKind.UCAST, "eth0", "10.1.1.3", 694, 2),
        Medium(MediumKind.UCAST, "eth1", "192.168.2.242", 694, 3),
    )
    assert config.auto_failback is Failback.ON
    assert config.timing == Timing(keepalive=1, warntime=15, deadtime=30, initdead=30, deadping=30)
    assert config.log.logfacility == "local0"
    assert config.respawn == (Respawn("hacluster", ("/usr/lib64/heartbeat/ipfail",), "ipfail", False, 7),)
    assert config.ipfail
    assert config.warnings == ()


def test_a_file_with_nothing_unusual_has_no_warnings():
    assert warnings(LEAST) == []


@pytest.mark.parametrize(
    ("word", "seconds"), [("2", 2.0), ("1.5", 1.5), (".5", 0.5), ("500ms", 0.5), ("20000us", 0.02), ("50000usec", 0.05)]
)
def test_times_are_seconds_or_carry_ms_or_us(word, seconds):
    config = parse(f"{LEAST}keepalive {word}\ndeadtime 10\n")
    assert config.timing.keepalive == pytest.approx(seconds)


@pytest.mark.parametrize("word", ["0", "0ms", "100us", "9.9ms"])
def test_keepalive_that_no_machine_keeps_to_is_refused(word):
    (told,) = errors(f"{LEAST}keepalive {word}\n")
    assert re.fullmatch(r"ha.cf:5: keepalive [\d.e-]+ s is less than 10ms, .*; write 10ms or more, such as 1", told)


def test_shortest_timers_are_those_that_are_honoured():
    timing = parse(f"{LEAST}keepalive 10ms\ndeadtime 40ms\n").timing
    assert (timing.keepalive, timing.deadtime) == (0.01, 0.04)
    (told,) = errors(f"{LEAST}keepalive 10ms\ndeadtime 39ms\n")
    assert told.startswith("ha.cf:6: deadtime 0.039 s is less than 40ms")


@pytest.mark.parametrize("word", ["2s", "-1", "1,5x", "ms", "1e3", "", "99999999"])
def test_other_times_are_refused(word):
    assert errors(f"{LEAST}keepalive {word}\n")[0].startswith("ha.cf:5: keepalive")


@pytest.mark.parametrize(
    ("deadtime", "initdead"), [("30", 30), ("10.5", 10.5), ("10", 20), ("6", 12), ("5", 12), ("600ms", 12)]
)
def test_initdead_follows_from_deadtime(deadtime, initdead):
    timing = parse(f"{LEAST}keepalive 200ms\ndeadtime {deadtime}\n").timing
    assert timing.initdead == initdead
    assert timing.warntime == timing.deadtime / 2
    assert timing.deadping == timing.deadtime


def test_deadtime_must_be_more_than_twice_keepalive():
    assert errors(f"{LEAST}keepalive 2\ndeadtime 4\n") == [
        "ha.cf:6: deadtime 4 s is not more than twice keepalive 2 s; raise deadtime or lower keepalive"
    ]
    assert errors(f"{LEAST}deadping 1500ms\n") == [
        "ha.cf:5: deadping 1.5 s is not more than twice keepalive 1 s; raise deadping or lower keepalive"
    ]
    assert parse(f"{LEAST}keepalive 200ms\ndeadtime 600ms\n").timing.deadtime == 0.6


def test_initdead_must_not_be_below_deadtime():
    assert errors(f"{LEAST}initdead 20\n") == [
        "ha.cf:5: initdead 20 s is less than deadtime 30 s; raise it, or drop the line for the default"
    ]
    assert "initdead 5 s is short" in warnings(f"{LEAST}deadtime 4\ninitdead 5\n")[0]


def test_all_errors_are_told_with_their_lines():
    assert errors("keepalive 2s\nundport 694\nnode\nlogfacility local10\n") == [
        "ha.cf: no nodes; add a node line with the name of each of the two machines",
        "ha.cf: no media, so no heartbeats; add a bcast DEVICE or ucast DEVICE ADDRESS line",
        "ha.cf:1: keepalive 2s is not a time; write seconds (2 or 0.5) or milliseconds (500ms)",
        'ha.cf:2: unknown directive "undport"; did you mean "udpport"?',
        "ha.cf:3: node without a value; add one (words which add up over the lines) or drop the line",
        "ha.cf:4: logfacility local10 is not known; write one of kern, user, mail, daemon, auth, syslog, lpr, news, "
        "uucp, cron, authpriv, ftp, local0, local1, local2, local3, local4, local5, local6, local7, none",
    ]


def test_this_machine_must_be_a_node_whatever_the_case_of_its_name():
    assert parse(LEAST, "A").nodes == ("a", "b")
    assert errors(LEAST, "c") == [
        "ha.cf: current node c not in configuration: the nodes are a, b; "
        "name this machine as uname -n does, in a node line"
    ]
    assert parse(LEAST, None).nodes == ("a", "b")


def test_a_third_node_is_refused():
    assert errors(f"{LEAST}node c\n") == ["ha.cf:5: 3 nodes (a, b, c); a haresources cluster has two at most"]


def test_words_are_parted_by_blanks_tabs_or_commas():
    config = parse("ucast\teth0, 10.1.1.3\nnode a,b # two of them\nauto_failback on\nlogfile /l\n")
    assert (config.nodes, config.media[0].address) == (("a", "b"), "10.1.1.3")


def test_a_later_word_replaces_the_one_before():
    assert parse(f"{LEAST}debug 1 2\ndebug 3\n").debug == 3


def test_udpport_counts_for_the_media_below_it():
    config = parse(f"{LEAST}udpport 6942\nucast eth1 10.2.0.2\n")
    assert [medium.udpport for medium in config.media] == [694, 6942]
    assert "ha.cf:5: udpport 6942 does not apply to the lines above" in warnings(f"{LEAST}udpport 6942\n")[0]
    assert warnings(f"{LEAST}udpport 694\n") == []
    assert warnings(f"udpport 6942\n{LEAST}") == []


@pytest.mark.parametrize(
    ("lines", "failback", "warned"),
    [
        ("auto_failback on", Failback.ON, False),
        ("auto_failback NO", Failback.OFF, False),
        ("auto_failback legacy", Failback.LEGACY, False),
        ("", Failback.LEGACY, True),
        ("nice_failback on", Failback.OFF, True),
        ("nice_failback off", Failback.LEGACY, True),
    ],
)
def test_without_a_line_auto_failback_is_legacy_and_that_is_said(lines, failback, warned):
    config = parse(f"ucast eth0 10.1.1.3\nnode a b\nlogfacility local0\n{lines}\n")
    assert config.auto_failback is failback
    assert bool(config.warnings) is warned


def test_a_directive_without_effect_is_named_once_with_the_reason():
    told = warnings(f"{LEAST}apiauth ipfail uid=hacluster\napiauth dopd gid=haclient\n")
    assert told == [
        "ha.cf:5: apiauth has no effect here; "
        "there is no client library here; root may ask everything, members of group haclient may look"
    ]


@pytest.mark.parametrize("line", ["stonith external/ssh /etc/s", "stonith_host * ssh b"])
def test_fencing_is_refused_since_nothing_would_be_fenced(line):
    (error,) = errors(f"{LEAST}{line}\n")
    assert error.startswith(
        f"ha.cf:5: {line.split()[0]} is to switch a dead node off before its resources are taken over"
    )
    assert "remove the line" in error


def test_every_kind_of_medium_is_read_with_its_settings():
    lines = (
        "udpport 700\nbcast eth1 eth2\nudp eth3\nmcast eth1 225.0.0.1 694 2 0\n"
        "ucast6 eth1 fd00::2\nmcast6 eth1 ff12::7 695 1 1\n"
    )
    media = parse(f"{LEAST}{lines}").media
    assert [(m.kind.value, m.interface, m.address, m.udpport, m.ttl, m.loop) for m in media[1:]] == [
        ("bcast", "eth1", "255.255.255.255", 700, 1, False),
        ("bcast", "eth2", "255.255.255.255", 700, 1, False),
        ("bcast", "eth3", "255.255.255.255", 700, 1, False),
        ("mcast", "eth1", "225.0.0.1", 694, 2, False),
        ("ucast6", "eth1", "fd00::2", 700, 1, False),
        ("mcast6", "eth1", "ff12::7", 695, 1, True),
    ]
    assert [m.family for m in media[1:]] == [4, 4, 4, 4, 6, 6]


def test_broadcast_alone_is_enough():
    assert parse("node a b\nauto_failback on\nlogfile /l\nbcast eth1\n").media[0].interface == "eth1"


def test_serial_lines_are_refused_with_the_reason_and_the_cure():
    (error,) = errors(f"{LEAST}serial /dev/ttyS0\n")
    assert error == (
        "ha.cf:5: serial /dev/ttyS0 is a serial line, which carries no heartbeats here; join the nodes by a second "
        "network and write bcast DEVICE"
    )
    assert len(errors("node a b\nauto_failback on\nlogfile /l\nserial /dev/ttyS0\n")) == 1


@pytest.mark.parametrize("line", ["crm yes", "pacemaker respawn", "autojoin any"])
def test_other_cluster_managers_are_refused(line):
    assert len(errors(f"{LEAST}{line}\n")) == 1
    assert parse(f"{LEAST}crm no\nautojoin none\n")


@pytest.mark.parametrize(
    "line",
    [
        *("ucast eth0", "ucast eth0 10.1.1", "ucast eth0 $PEER", "ucast /dev/x 10.1.1.2", "respawn hacluster ipfail"),
        *("bcast /dev/x", "mcast eth0 225.0.0.1", "mcast eth0 10.0.0.1 694 1 0", "mcast eth0 225.0.0.1 0 1 0"),
        *("mcast eth0 225.0.0.1 694 256 0", "mcast eth0 225.0.0.1 694 1 2", "mcast eth0 225.0.0.1 ²34 1 0"),
        *("ucast6 eth0 fd00:::2", "ucast6 eth0 10.1.1.2", "mcast6 eth0 fd00::1 694 1 0"),
    ],
)
def test_malformed_lines_are_refused_in_place(line):
    assert errors(f"{LEAST}{line}\n")[0].startswith("ha.cf:5: ")


def test_respawned_programs_are_to_run():
    config = parse(f"{LEAST}respawn root /usr/bin/watch -n 5\n")
    assert config.respawn == (Respawn("root", ("/usr/bin/watch", "-n", "5"), None, True, 5),)
    assert config.warnings == ()


@pytest.mark.parametrize("program", LIBRARY_CLIENTS)
def test_programs_of_the_client_library_are_said_not_to_run_and_what_to_do_instead(program):
    config = parse(f"{LEAST}respawn root /usr/lib/heartbeat/{program}\n")
    assert [(client.runs, client.builtin) for client in config.respawn] == [(False, None)]
    assert [str(warning) for warning in config.warnings] == [
        f"ha.cf:5: {program} needs heartbeat's client library, which is not here: it is not started; "
        f"{LIBRARY_CLIENTS[program]}"
    ]


def test_failfast_is_refused_with_what_to_write_instead():
    (error,) = errors(f"{LEAST}failfast root /usr/bin/watch\n")
    assert error.startswith("ha.cf:5: failfast is to reset the machine when that program dies")
    assert "write respawn" in error


def test_parameters_hold_values_as_written_and_defaults_in_milliseconds():
    parameters = dict(parse(f"{LEAST}deadtime 3\nwarntime 500ms\n").parameters)
    assert parameters["deadtime"] == "3"
    assert parameters["warntime"] == "500ms"
    assert parameters["initdead"] == "12000ms"
    assert parameters["keepalive"] == "1000ms"
    assert parameters["node"] == "a b"
    assert "logfile" not in parameters


def test_env_lines_are_kept():
    assert parse(f"{LEAST}env SITE=tokyo\n").environment == (("SITE", "tokyo"),)
    assert errors(f"{LEAST}env SITE\n") == ["ha.cf:5: env SITE is not a variable; write NAME=VALUE"]


def test_without_any_log_line_messages_go_to_syslog():
    config = parse("ucast eth0 10.1.1.3\nnode a b\nauto_failback on\n")
    assert config.log.logfacility == "daemon"
    assert len(config.warnings) == 1
    assert parse(LEAST.replace("local0", "none")).log.logfacility is None


def test_every_directive_is_recognised_and_every_warning_has_a_cure():
    samples = {
        Kind.TIME: "40",
        Kind.BOOLEAN: "on",
        Kind.INTEGER: "1",
        Kind.WORD: "/x",
        Kind.WORDS: "b",
        Kind.LINE: "eth1 10.0.0.1",
    }
    special = {
        "respawn": "u /p",
        "env": "A=b",
        "auto_failback": "on",
        "keepalive": "1",
        "crm": "no",
        "udpport": "694",
        "ucast6": "eth1 fd00::2",
        "mcast": "eth1 225.0.0.1 694 1 0",
        "mcast6": "eth1 ff12::1 694 1 0",
        "ping": "10.0.0.1",
        "ping6": "fd00::1",
    }
    special |= {"pacemaker": "no", "autojoin": "none"}
    for name, row in DIRECTIVES.items():
        if name == "serial" or (row.support is Support.REFUSED and row.kind is Kind.LINE):
            continue  # no word of it is accepted
        word = special.get(name) or (row.choices[0] if row.kind is Kind.CHOICE else samples[row.kind])
        config = parse(f"{LEAST}deadtime 40\n{name} {word}\n")
        own = [problem for problem in config.warnings if problem.what.startswith(name)]
        assert bool(own) is (row.support is Support.NO_EFFECT or name == "nice_failback"), name
        assert all(problem.cure for problem in config.warnings), name


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\n,#=/.0123456789s"))))
def test_any_text_gives_a_value_or_a_config_error(text):
    with suppress(ConfigError):
        assert parse(text, None).nodes


@given(st.lists(st.tuples(st.sampled_from(sorted(DIRECTIVES)), st.text(max_size=20)), max_size=8))
def test_any_arguments_give_a_value_or_a_config_error(lines):
    text = "".join(f"{name} {words}\n" for name, words in lines)
    assert all(problem.what and problem.cure for problem in findings(LEAST + text))


@pytest.mark.parametrize(
    "path",
    ["/usr/lib/heartbeat/ipfail", "/usr/lib64/heartbeat/ipfail", "/usr/libexec/heartbeat/ipfail", "/opt/x/ipfail"],
)
@pytest.mark.parametrize("user", ["hacluster", "root"])
def test_ipfail_is_built_in_wherever_it_was_once_installed(path, user):
    config = parse(f"{LEAST}respawn {user} {path}\n")
    assert config.ipfail
    assert config.warnings == ()
    assert not parse(LEAST).ipfail


def test_ping_lines_name_ping_nodes_and_their_hosts():
    config = parse(f"{LEAST}ping 10.1.1.254 Router\nping6 fd00::1\nping_group gw 10.1.1.1 10.1.1.2\n")
    assert [(p.node.name, p.node.kind.value, [(h.address, h.family) for h in p.hosts]) for p in config.ping_nodes] == [
        ("10.1.1.254", "ping", [("10.1.1.254", 4)]),
        ("router", "ping", [("Router", 4)]),
        ("fd00::1", "ping6", [("fd00::1", 6)]),
        ("gw", "ping_group", [("10.1.1.1", 4), ("10.1.1.2", 4)]),
    ]
    assert config.warnings == ()


def test_ping_lines_of_one_name_are_one_ping_node():
    config = parse(f"{LEAST}ping router\nping6 router\nping router\nping_group gw 10.1.1.1\nping_group gw 10.1.1.2\n")
    assert [(p.node.name, [(h.address, h.family, h.line) for h in p.hosts]) for p in config.ping_nodes] == [
        ("router", [("router", 4, 5), ("router", 6, 6)]),
        ("gw", [("10.1.1.1", 4, 8), ("10.1.1.2", 4, 9)]),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("ping fd00::1", "neither an IPv4 address nor a host name; write ping6"),
        ("ping 10.1.1", "neither an IPv4 address nor a host name; correct it"),
        ("ping6 10.1.1.1", "neither an IPv6 address nor a host name; write ping for IPv4"),
        ("ping6 fe80::1", "exists on every link; write one of its global addresses"),
        ("ping_group gw", "ping_group takes a name and hosts; write ping_group NAME HOST ..."),
        ("ping b", "ping node b is a node of the cluster; name a host outside the cluster"),
        ("ping_group a 10.1.1.1", "ping node a is a node of the cluster; choose another name for the group"),
        ("hbaping 1 2", "hbaping is not known to heartbeat 3.0.6 either; write ping HOST"),
        ("tipc x", "tipc is not known to heartbeat 3.0.6 either; write ucast or bcast"),
    ],
)
def test_ping_lines_that_cannot_be_are_refused_with_the_cure(line, what):
    (error,) = errors(f"{LEAST}{line}\n")
    assert error.startswith("ha.cf:5: ")
    assert what in error


def test_a_line_longer_than_the_original_reads_is_an_error_of_its_own():
    (error,) = errors(f"{LEAST}keepalive {'1 ' * 3000}\n")
    assert error == "ha.cf:5: a line of 6010 characters; 5120 are the most; divide it"


@pytest.mark.parametrize("words", ['/bin/sh -c "a b"', "/bin/logger $HA_CURHOST", "/bin/cat >/tmp/x", "/bin/a;b"])
def test_respawned_command_for_a_shell_is_refused_with_what_to_write(words):
    with pytest.raises(ConfigError) as caught:
        parse(f"{LEAST}respawn root {words}\n")
    assert "put the command into a script" in str(caught.value)
