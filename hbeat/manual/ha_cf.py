"""ha.cf(5), from the table of directives."""

from __future__ import annotations

from collections.abc import Iterator

from hbeat.config.directive import Directive, Support
from hbeat.config.directives import DIRECTIVES, PASSING
from hbeat.manual.roff import entry, example, heading, paragraph, title

INTRODUCTION = {
    Support.IMPLEMENTED: "These do what they did with heartbeat 3.0.6; what differs is said.",
    Support.NO_EFFECT: "These are read, and a warning at start says once that they change nothing, for this reason:",
    Support.REFUSED: "With these the daemon does not start; the message names the line and what to write instead.",
}


def page() -> Iterator[str]:
    """The lines of the page."""
    yield from title("ha.cf", 5, "nodes, links and timers of a heartbeat cluster")
    yield heading("DESCRIPTION")
    yield from paragraph(
        "/etc/ha.d/ha.cf, the file of Linux-HA heartbeat, is read by hbeat(8) as it is. A # starts a remark. The first "
        "word of a line is a directive; blanks, tabs or commas part the words. Of a directive that has one value the "
        "last one counts. Times are seconds (2 or 0.5), or have the unit ms or us. A BOOLEAN is one of true, on, yes, "
        "y, 1, false, off, no, n, 0. All that is wrong is told together, with its line and its cure, before anything "
        "is started; `hbeat reload' with a file that has errors changes nothing."
    )
    yield from paragraph("The smallest good file of two nodes, the same on both:")
    yield from example(
        (
            "keepalive 1",
            "deadtime 3",
            "ucast eth0 10.1.1.2",
            "ucast eth0 10.1.1.3",
            "ucast eth1 192.168.2.241",
            "ucast eth1 192.168.2.242",
            "auto_failback on",
            "node test1.com test2.com",
            "logfile /var/log/ha-log",
        )
    )
    for support in Support:
        rows = [row for row in DIRECTIVES.values() if row.support is support]
        if rows:
            yield heading(f"DIRECTIVES: {support.value}".upper())
            yield from paragraph(INTRODUCTION[support])
            for row in rows:
                yield from entry(f"{row.name} {row.form}", meaning(row))
    yield heading("SEE ALSO")
    yield ".BR haresources (5), authkeys (5), hbeat (8)"


def meaning(row: Directive) -> str:
    """What the manual says of a directive."""
    text = row.meaning
    if row.support is not Support.IMPLEMENTED and text:
        text = f"{text[0].upper()}{text[1:]}."
    if row.support is Support.REFUSED:
        passes = f" {PASSING[row.name]} is accepted." if row.name in PASSING else ""
        return f"{text} Instead: {row.cure}.{passes}"
    default = row.shown or row.default or ""
    if default and row.support is Support.IMPLEMENTED:
        text += f" Default: {default}."
    if not row.at_reload:
        text += " A change is taken up by a restart only."
    return text.strip()
