"""Where our table, an exit code or a file that a case writes differs on purpose from what the original left.

The one list of such differences, for the play in virtual time (test_vectors.py) and for that of the real daemon
(tests/kernel/test_vectors.py). g-N are the defects of section g of the reference. Whatever is not here is as recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

TABLE = "ipvsadm -Sn"
THRESHOLDS = "ipvsadm -Ln --thresholds"
EXIT_CODE = "exit code"
EVERYTHING = "everything"


@dataclass(frozen=True)
class Difference:
    """A section of a stage with us: the recorded lines without some (None: all) and with others, and why."""

    reason: str
    without: tuple[str, ...] | None = ()
    instead: tuple[str, ...] = ()

    def applied(self, recorded: list[str]) -> list[str]:
        """What we want to see. The recorded lines must have those that go."""
        if self.without is None:
            return list(self.instead)
        assert set(self.without) <= set(recorded), f"accepted difference is not recorded: {self.without}"
        return [line for line in recorded if line not in self.without] + list(self.instead)


DIFFERENCES: dict[tuple[str, str, str], Difference] = {}
"""Case, stage, section of expected.txt -> difference."""


def differs(case: str, stages: str, reason: str, without: str = "", instead: str = "", section: str = TABLE) -> None:
    """Enter one difference for several stages, given as words."""
    for stage in stages.split():
        gone = None if without == EVERYTHING else _lines(without)
        DIFFERENCES[case, stage, section] = Difference(reason, gone, _lines(instead))


def wanted(case: str, stage: str, section: str, recorded: list[str]) -> list[str]:
    """What we want to see where this was recorded."""
    found = DIFFERENCES.get((case, stage, section))
    return found.applied(recorded) if found else recorded


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


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
    "15_ops_checkport_thresholds",
    "start web2-refuses",
    "u: without l: is lost by the original; the server with l: alone is absent there (g-15)",
    section=THRESHOLDS,
    without="-> 192.168.2.237:90 0 0 0 0",
    instead="""
        -> 192.168.2.237:90 30 0 0 0
        -> 192.168.2.238:90 0 0 0 0
    """,
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
    "reload-good-by-verb",
    "a verb met by a broken file leaves the pid file alone, so a later reload works (g-1)",
    section=EXIT_CODE,
    without="1",
    instead="0",
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

FALLBACK_CALLS = {
    "start": """
        own start 10.1.1.10:80 tcp
        own stop 10.1.1.10:80 tcp
        global start 10.1.1.10:53 udp
        global stop 10.1.1.10:53 udp
        global start 10.1.1.10:81 tcp
        global start :0 fwm
        global stop :0 fwm
    """,
    "both-refuse": """
        own start 10.1.1.10:80 tcp
        global start :0 fwm
    """,
    "web2-back": """
        own stop 10.1.1.10:80 tcp
    """,
    "stop": """
        global stop 10.1.1.10:81 tcp
        global stop :0 fwm
    """,
}
"""What comes in each stage. The files hold all calls up to the end of their stage."""

for number, played in enumerate(FALLBACK_CALLS, 1):
    differs(
        "28_fallbackcommand",
        played,
        "start once and stop once each time no real is left; the original repeats itself while it starts, and leaves "
        "started what it does not stop when it ends (quirk_stages of the case)",
        section="file /run/lab/fb",
        without=EVERYTHING,
        instead="".join(list(FALLBACK_CALLS.values())[:number]),
    )
