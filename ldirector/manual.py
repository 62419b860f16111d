"""The manual page ldirectord(8), made from the tables that drive the program: `make man` writes man/ldirectord.8.

What stands in no table - the verbs, the differences from the old ldirectord - stands here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from ldirector.config.directives import DIRECTIVES, Directive
from ldirector.config.settings_table import (
    GLOBAL_SETTINGS,
    HTTP_SETTINGS,
    POLICY_SETTINGS,
    TLS_SETTINGS,
    Setting,
)
from ldirector.core.kernel_settings import SETTINGS as KERNEL_SETTINGS
from ldirector.core.services import SERVICES, CheckedService

VERBS = (
    ("start", "Start the daemon; it has written the table when the command returns 0. Running: 0, nothing happens."),
    ("stop", "Stop it and wait until its part of the table is gone (except with cleanstop=no)."),
    ("restart", "stop, then start in the same role."),
    ("try-restart", "restart if it is running."),
    ("reload, force-reload", "Read the files again; 2 and the reason when they are refused, nothing is changed then."),
    ("status", "0 running, 1 stale pid file, 3 stopped or standing by."),
)

CHECKS = (
    ("negotiate", "Speaks the protocol of service, see SERVICES, within negotiatetimeout."),
    ("connect", "A TCP connection that comes about within checktimeout. For udp virtuals a ping."),
    ("ping", "An ICMP echo request (IPv4 and IPv6), checkcount attempts of checktimeout each."),
    (
        "external",
        "Runs checkcommand with the virtual's address (or mark) and port, the real's address and port (0 where there "
        "is none). Good is exit status 0 within checktimeout; after that the program and all it started are killed.",
    ),
    ("external-perl", "The same, run by perl."),
    ("on", "Always up, nothing is sent."),
    ("off", "Always down, nothing is sent."),
    (
        "a number N",
        "A negotiate check, after a good one N connects, and so on; after a failed connect the next check is a "
        "negotiate. Over udp every check is a negotiate.",
    ),
)

DIFFERENCES = (
    ("g-1", "A file with an error keeps nobody from stopping the daemon, and leaves its pid file alone."),
    ("g-2", "A refused reload changes nothing; checks go on as before."),
    ("g-3", "A server gets no traffic before its first good check. It stands at weight 0, or not at all."),
    ("g-4", "A pattern that does not compile is refused when the file is read; a check that fails by a mistake of this "
     "program is that check's failure only, and changes no server's state."),
    ("g-5", "With gate and ipip the port in the table is that of the virtual, for reals and fallbacks."),
    ("g-6", "A global fallback serves firewall marks, too."),
    ("g-7", "pop and pops without login need a good greeting."),
    ("g-8", "All checks run at the same time, spread over checkinterval, each with one deadline. A dead server delays "
     "no other check. checkinterval counts from start to start."),
    ("g-9", "A start writes the table at once, without a program run per server."),
    ("g-10", "A signal ends no check and changes no server's state."),
    ("g-11", "The table is compared with what it should be every checkinterval, see reconcile."),
    ("g-12", "A server in several virtuals is in each of them, also before it was ever up."),
    ("g-13", "The default of quiescent is no, as in the program, not as in its manual."),
    ("g-14", "dns without receive is good with any record; ftp without receive needs a complete transfer; a directive "
     "that a check does not look at is a warning."),
    ("g-15", "A lower threshold without an upper one is left out, with a warning; the server serves."),
    ("g-16", "virtual= with an address and no port is refused."),
    ("g-17", "A logfile facility without a syslog daemon is said once, on the terminal of the command."),
    ("g-18", "start and `start ldirectord.cf' are one instance: the same files mean the same daemon."),
    ("g-19", "TLS certificates are not verified unless ldirector.yaml asks for it; the log says so."),
    ("", "No value of the file reaches a shell. A fallbackcommand that needs one is a warning."),
    ("", "A remark behind a global value, a blank behind yes or no or in front of the comma of a real= line, a netmask "
     "in quotes or with text behind it, missing quotes and commas and the weight written as -w are "
     "accepted with a warning, where they can mean one thing only. `ldirectord -t --strict' refuses them as the old "
     "program does."),
    ("", "A value that is read as something else than it seems to say is a warning: checkinterval=500ms is 500 "
     "seconds, service=http-foo is http."),
    ("", "Junk in front of the address of real= is refused; so are netmasks, weights and flags that the kernel would "
     "refuse."),
    ("", "A start gives one mail per server instead of three; servers of one virtual that change together share a "
     "mail; several recipients are several recipients, also where blanks or semicolons stand between them."),
    ("", "While this machine itself is short of time, descriptors or memory no server is taken down; checks slow down "
     "and one line in the log says so."),
    ("", "A pattern that needs more than some 30 ms of processor time for an answer fails the check, so that none "
     "can keep the others waiting. Patterns may have 2,000 characters with repetitions written out, those of "
     "more than 200 characters together 16,384, lines 8,192 characters, and all ranges of a file together 8,192 "
     "addresses."),
    ("", "A few constructs of Perl's patterns are refused, such as recursion and code; the message says what to write "
     "instead."),
    ("", "The checks of oracle were tested against scripted servers only, no Oracle server was at hand."),
    ("", "A monitorfile has the status or the reason in words, not the page. status speaks on standard output, and a "
     "refused reload exits with 2. ldap fails once per check, sip has a login also without a service line, ping knows "
     "IPv6."),
    ("", "Instances of execute= are called with --alone: they follow this one, not each other."),
    ("", "A body of more than 256 KiB fails an http check with receive or a digest (see body_limit); without them the "
     "status decides and the body is not read."),
    ("", "imap does not send EXPUNGE, ftp opens its data connection to the server it checks and nowhere else, dns uses "
     "no search domains."),
)  # fmt: skip
"""Reference section g and others: what this program does differently, and why nobody should miss it."""


TAKEOVER = (
    "A standby that is made active writes what its checks say, in one go. If it sees no real server at all, all checks "
    "are made at once.",
    "If hbeat says with the role that the other node's director saw servers while this one saw none (see hbeat(8)), "
    "every server that is checked gets its configured weight, those in maintenance and with checktype=off excepted, "
    "and no fallback serves. The log warns, `status' says it, and checks go on. From the first good one on this node's "
    "checks count again, each server's from its next one on, which is made at once. A server that is down while others "
    "are up is down, whatever the other node said.",
    "What a daemon that was killed leaves in the table is known by a file, see FILES. The next start goes on with the "
    "virtual services that are configured, and removes those that the file lists and the configuration does not, or "
    "all that it lists when it starts as standby; the log names each. What is not listed there, or listed by another "
    "instance as well, belongs to somebody else and stays.",
)


def manual() -> Iterator[str]:
    """The lines of the page, in the man macros."""
    yield from (
        ".\\\" Made by ldirector/manual.py from the program's own tables: change them, not this file.",
        '.TH LDIRECTORD 8 "" "hbeat" "Linux Virtual Server"',
        ".SH NAME",
        "ldirectord \\- checks real servers and writes the kernel's IPVS table",
        ".SH SYNOPSIS",
        ".B ldirectord",
        "[\\fB\\-d\\fR|\\fB\\-\\-debug\\fR] [\\fB\\-\\-role active\\fR|\\fBstandby\\fR] [\\fICONFIG\\fR] \\fIVERB\\fR",
        ".br",
        ".B ldirectord",
        "\\fB\\-t\\fR|\\fB\\-\\-test\\fR [\\fB\\-\\-strict\\fR] [\\fICONFIG\\fR]",
        ".SH DESCRIPTION",
    )
    yield from _text(
        "Reads the ldirectord.cf of the old ldirectord unchanged, checks every real server, and keeps the IPVS table "
        "so that traffic goes to those that are well. CONFIG is looked for in /etc/ha.d, then in /etc/ha.d/conf, then "
        "as a path; without it, it is ldirectord.cf. With --role standby all checks run and nothing is written, until "
        "`start' (or hbeat) makes it active: then the table is there at once."
    )
    yield ".SH VERBS"
    for verb, meaning in VERBS:
        yield from _entry(verb, meaning)
    yield ".SH OPTIONS"
    yield from _entry("-d, --debug", "Stay in the foreground and log to the terminal.")
    yield from _entry("--role active | standby", "The role to start in; active when it is missing.")
    yield from _entry(
        "-t, --test",
        "Print what is wrong with the configuration, each problem with its line and its cure, then the table it comes "
        "to, byte for byte as `ipvsadm -Ln' prints it. Nothing is checked: each server has the weight it gets when its "
        "first check is good; with checktype=off it is down. Exit status 0: all is well, 1: there are warnings, 2: it "
        "is refused.",
    )
    yield from _entry("--alone", "Leave the instances of execute= out; so one instance calls another.")
    yield from _entry("--strict", "With -t: refuse what only the old ldirectord refuses, too.")
    yield ".SH EXIT STATUS"
    yield from _text("0 done, 1 failed, 2 the configuration is refused, 3 not running (status), 255 wrong arguments.")
    yield ".SH DIRECTIVES"
    yield from _text(
        "Global directives start at the beginning of a line. The lines of a virtual are indented by a tab or four "
        "blanks; an empty line ends it, a # starts a remark. [G] stands globally, [V] in a virtual, [G V] in both; the "
        "virtual's value wins."
    )
    for row in DIRECTIVES.values():
        if not row.obsolete:
            yield from _entry(_heading(row), _with_default(row.meaning, row.shown))
    yield ".SH CHECKS"
    for name, meaning in CHECKS:
        yield from _entry(name, meaning)
    yield ".SH SERVICES"
    yield from _text("The services of negotiate checks, with the ports they are known by.")
    for service in SERVICES.values():
        yield from _entry(_service_heading(service), _service_text(service))
    yield ".SH LDIRECTOR.YAML"
    yield from _text(
        "What ldirectord.cf cannot say stands in ldirector.yaml in the same directory; everything in it is optional. "
        "Settings under defaults are for all virtuals; under virtuals they are for one, named as in the log "
        "(10.1.1.10:80, udp 10.1.1.10:53, mark 7), and win setting by setting. A setting that does nothing "
        "for its virtual is a warning."
    )
    yield from (".nf", ".RS")
    yield from (
        _escaped(line)
        for line in (
            "defaults:",
            "  rise: 2",
            "  fast_interval: 0.5",
            "virtuals:",
            "  10.1.1.10:443:",
            "    sentinel: on",
            "    http: {status: [200-299, 401]}",
            "    tls: {verify: on, minimum_days: 14}",
        )
    )
    yield from (".RE", ".fi")
    for title, rows in (
        ("For the whole daemon:", GLOBAL_SETTINGS),
        ("For a virtual, or under defaults:", POLICY_SETTINGS),
        ("Of a virtual under http:", HTTP_SETTINGS),
        ("Of a virtual under tls (https, imaps, pops, ldaps):", TLS_SETTINGS),
    ):
        yield from (".PP", _escaped(title))
        for setting in rows:
            yield from _entry(_setting_heading(setting), _with_default(setting.meaning, setting.shown))
    yield ".SH KERNEL SETTINGS"
    yield from _text(
        "What should be set in the kernel for this configuration, and what becomes of clients otherwise. It is looked "
        "at when a configuration is taken, see sysctl under LDIRECTOR.YAML; nothing is put back at the end."
    )
    for wanted in KERNEL_SETTINGS:
        yield from _entry(f"{wanted.name} = {wanted.wanted}", f"{wanted.otherwise}.")
    yield ".SH TAKEOVER"
    for words in TAKEOVER:
        yield from _text(words)
    yield ".SH SIGNALS"
    yield from _text("HUP reloads. TERM, INT and QUIT stop in order.")
    yield ".SH DIFFERENCES"
    yield from _text("What this program does otherwise than ldirectord 4.12:")
    for _, difference in DIFFERENCES:
        yield from (".IP \\(bu 2", _escaped(difference))
    yield ".SH FILES"
    for path, meaning in (
        ("/etc/ha.d/ldirectord.cf", "The configuration."),
        ("/etc/ha.d/ldirector.yaml", "Settings that it cannot express."),
        ("/run/ldirectord.NAME.pid", "The process; NAME is the name of the configuration file."),
        ("/run/ldirectord.NAME.sock", "The control socket: status, role, unvouch, ready, reload, stop."),
        (
            "/run/ldirectord.NAME.table",
            "The virtual services in IPVS that this instance has written, with a checksum; there while there are some. "
            "A start reads it, see TAKEOVER. A damaged one is a warning, and then nothing is removed at that start.",
        ),
        ("/var/log/ldirectord.log", "The log, unless logfile says otherwise."),
    ):
        yield from _entry(path, meaning)
    yield from (".SH SEE ALSO", ".BR ipvsadm (8)")


def _heading(row: Directive) -> str:
    letters = " ".join(letter for letter, here in (("G", row.scope.in_global), ("V", row.scope.in_virtual)) if here)
    return f"{row.name} = {row.form}  [{letters}]"


def _setting_heading(row: Setting) -> str:
    return f"{row.name}: {row.form}"


def _with_default(meaning: str, shown: str) -> str:
    return f"{meaning} Default: {shown}." if shown else meaning


def _service_heading(service: CheckedService) -> str:
    return f"{service.name} ({service.port})" if service.port else service.name


def _service_text(service: CheckedService) -> str:
    used = f" Looks at: {', '.join(service.uses)}." if service.uses else ""
    limit = f" Limited by {service.timeout}." if service.timeout != "negotiatetimeout" else ""
    extra = f" Needs the extra {service.extra}." if service.extra else ""
    return f"{service.meaning}{used}{limit}{extra}"


def _entry(heading: str, text: str) -> Iterable[str]:
    return (".TP", ".B " + _escaped(heading), _escaped(text))


def _text(words: str) -> Iterable[str]:
    return (".PP", _escaped(words))


def _escaped(text: str) -> str:
    """Text as roff takes it: nothing in it is a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    sys.stdout.write("\n".join(manual()) + "\n")
