"""haresources(5) and authkeys(5)."""

from __future__ import annotations

from collections.abc import Iterator

from hbeat.config.authkeys import HIGHEST_KEY_NUMBER
from hbeat.core.builtin import BUILTIN
from hbeat.manual.roff import entry, example, heading, item, paragraph, title

BUILT_IN_FORMS = {
    "IPaddr": ("ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]]", "An IPv4 address; a bare address means this."),
    "IPaddr2": ("ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]]", "The same."),
    "IPv6addr": ("ADDRESS[/PREFIX[/INTERFACE]]", "An IPv6 address, in full: `::' parts arguments."),
    "IPsrcaddr": ("ADDRESS", "Connections from this machine over the default route come from this address."),
    "SendArp": ("ADDRESS/INTERFACE", "Announces an address that something else configures."),
    "MailTo": ("ADDRESS[,ADDRESS...][::SUBJECT]", "A mail at each start and stop; nothing waits for it."),
    "ldirectord": (
        "FILE",
        "Kept running on the other node, too, with its checks and without a table; the table is written "
        "when that node is offered the group, or hears nothing more of this one, before its addresses come.",
    ),
    "LVSSyncDaemonSwap": (
        "master | backup[::INTERFACE[::SYNCID]]",
        "The kernel's IPVS synchronisation: master where it is held.",
    ),
}
"""The resources that need no script: arguments and meaning, by name."""

LOOKUP = (
    "/etc/ha.d/resource.d/NAME and /etc/init.d/NAME, called as NAME ARGUMENT... start, stop or status. What status "
    "prints "
    "counts: running or OK, and not running.",
    "OCF::TYPE::INSTANCE, the agent TYPE of /usr/lib/ocf/resource.d with the variables in "
    "/etc/ha.d/conf/OCF/TYPE/INSTANCE.",
    "The OCF agent NAME; the arguments are OCF_RESKEY_1, OCF_RESKEY_2 and so on, x=y is OCF_RESKEY_x as well.",
    "The systemd unit NAME, without arguments.",
)


def haresources() -> Iterator[str]:
    """The lines of haresources(5)."""
    yield from title("haresources", 5, "what a heartbeat cluster runs, and where")
    yield heading("DESCRIPTION")
    yield from paragraph(
        "/etc/ha.d/haresources, the file of Linux-HA heartbeat, is read by hbeat(8) as it is, and must be the same on "
        "both "
        "nodes. Each line is a resource group: the node that is to hold it, and its resources. They are started from "
        "left to right and stopped from right to left. A # starts a remark; a line that ends in a backslash goes on "
        "in the next. The first resource is the name of the group and must be that of no other."
    )
    yield from example(("test1.com ldirectord::ldirectord.cf IPaddr::10.1.1.10/24/eth0", "test2.com 10.1.1.11 apache2"))
    yield from paragraph(
        "A resource is NAME or NAME::ARGUMENT::ARGUMENT and so on, without blanks. Each has three minutes for start "
        "and stop. One that does not start makes the node give the group to the other; one that does not stop is "
        "tried again, and its group is not given away meanwhile."
    )
    yield from paragraph(
        "`hbeat reload' takes up a changed file: groups and resources that came are started, those that went are "
        "stopped, all others are not touched."
    )
    yield heading("BUILT IN")
    yield from paragraph("Found by name before any script; their arguments are checked when the file is read.")
    for name in sorted(BUILTIN):
        form, meaning = BUILT_IN_FORMS[name]
        yield from entry(f"{name}::{form}", meaning)
    yield heading("EVERYTHING ELSE")
    yield from paragraph(
        "The first of these that is there. A resource that none of them can start is an error at start and at reload, "
        "with its line. Nothing is passed through a shell."
    )
    for place in LOOKUP:
        yield from item(place)
    yield heading("SEE ALSO")
    yield ".BR ha.cf (5), hbeat (8), ldirectord (8)"


def authkeys() -> Iterator[str]:
    """The lines of authkeys(5)."""
    yield from title("authkeys", 5, "the keys that sign heartbeats")
    yield heading("DESCRIPTION")
    yield from paragraph(
        "/etc/ha.d/authkeys, the file of Linux-HA heartbeat, is read by hbeat(8) as it is. Nobody but its owner may "
        "be able to read it (chmod 600). Lines that begin with # and empty ones are skipped."
    )
    yield from entry("auth N", "Messages are signed with key N. It must stand above the line of that key.")
    yield from entry(
        "N METHOD [KEY]",
        f"Key number N, 0 to {HIGHEST_KEY_NUMBER}. METHOD is sha1 or md5 (HMAC), or crc, which takes no key and "
        "protects against nobody. KEY is one word; what follows it is a remark.",
    )
    yield from example(("auth 1", "1 sha1 a-long-secret"))
    yield from paragraph(
        "A message is accepted if it is signed with any of the keys, whose method must be as strong as that of the "
        "key N of the auth line: a forgotten crc line opens no door."
    )
    yield heading("CHANGING THE KEY")
    yield from paragraph(
        "Both nodes go on hearing each other all the time, if each step is done on both nodes before the next:"
    )
    yield from item("Add the line of the new key, say 2 sha1 ANOTHER-SECRET. Leave auth 1. hbeat reload.")
    yield from item("Write auth 2 in place of auth 1, at the top. hbeat reload.")
    yield from item("Remove the line of key 1. hbeat reload.")
    yield from paragraph(
        "With heartbeat 3.0.6 on one side this does not work: it verifies with the text of its own sending key, "
        "whichever number a message names. Give it a restart, or keep the key until both nodes are replaced."
    )
    yield heading("SEE ALSO")
    yield ".BR ha.cf (5), hbeat (8)"
