"""cl_status(1)."""

from __future__ import annotations

from collections.abc import Iterator

from hbeat.manual.roff import entry, heading, paragraph, title

SUB_COMMANDS = (
    ("hbstatus [-v]", "Whether the daemon runs here: 0 or 1. With -v its version, nodes and links.", "0, 1"),
    ("listnodes [-n | -p | -v]", "The nodes, one a line: all, the normal ones, the ping nodes, or with details.", "0"),
    (
        "nodestatus NODE",
        "init, up, active, ping, dead.",
        "0 for up, active and ping, 1 for the others, 11 no such node",
    ),
    ("nodetype NODE", "normal or ping.", "0, 11 no such node"),
    ("nodeweight NODE", "Always 100.", "0, 11 no such node"),
    ("nodesite NODE", "Always an empty line.", "0, 11 no such node"),
    ("listhblinks NODE [-v]", "Its links, with -v and their status.", "0, 13 no such node"),
    (
        "hblinkstatus NODE LINK",
        "up or dead. A link of this node itself is up where its own heartbeats come back to it.",
        "0 up, 1 dead, 13 no such link",
    ),
    (
        "clientstatus NODE CLIENT [TIMEOUT]",
        "online or offline. The only client is ipfail.",
        "0 online, 1 offline, 13 no such node",
    ),
    ("rscstatus", "What this node holds: none, local, foreign, all, or transition while something moves.", "0"),
    ("hbparameter -p NAME", "A value of ha.cf, as written there, or its default.", "0, 1 not set"),
)


def page() -> Iterator[str]:
    """The lines of the page."""
    yield from title("cl_status", 1, "asks the heartbeat daemon of this machine")
    yield heading("SYNOPSIS")
    yield from (".B cl_status", "[\\fB\\-m\\fR] \\fISUB\\-COMMAND\\fR [\\fIWORD\\fR...]")
    yield heading("DESCRIPTION")
    yield from paragraph(
        "Words and exit codes are those of heartbeat 3.0.6, so that monitoring scripts go on working. -m anywhere "
        "makes "
        "sentences for people. Root may ask, and the members of group haclient. An answer comes within five seconds."
    )
    yield heading("SUB-COMMANDS")
    for form, meaning, status in SUB_COMMANDS:
        yield from entry(form, f"{meaning} Exit status: {status}.")
    yield heading("EXIT STATUS")
    yield from paragraph(
        'As above; 1 also when the daemon does not run or is not active yet ("Cannot signon with heartbeat"), 11 for a '
        "wrong sub-command or missing words, 0 without any, which shows the usage."
    )
    yield heading("SEE ALSO")
    yield ".BR hbeat (8)"
