"""hbeat(8): the daemon, its commands, and how a cluster moves to it one node at a time."""

from __future__ import annotations

from collections.abc import Iterator

from hbeat.config.hbeat_yaml import SETTINGS
from hbeat.core.kernel_settings import PER_INTERFACE, WITH_SYNC
from hbeat.manual.migration import BACK, FORTH, Step
from hbeat.manual.roff import entry, example, heading, item, paragraph, title

VERBS = (
    ("start, or nothing", "Start the daemon. 0 once heartbeats are sent; also when it runs already."),
    ("stop, -k", "Release all resources, tell the other node, stop; the command waits for the end."),
    ("reload, -r", "Take up changed files, see RELOAD; without a running daemon, start it."),
    ("status", "What this node sees of the cluster; with --yaml everything, see STATUS."),
    ("-s", "One line: does it run?"),
    (
        "resource ...",
        "What scripts knew as ResourceManager: listkeys NODE, allkeys, ourkeys, otherkeys, status RESOURCE, statgroup "
        "KEY, verifyallidle, takegroup KEY, givegroup KEY, req_resource KEY, mach_down NODE.",
    ),
)

OPTIONS = (
    ("-f", "Stay in the foreground, and log to standard error as well."),
    ("-d", "Log messages for debugging."),
    ("-l", "No real-time scheduling, no locked memory."),
    ("-V, --version", "Print the version."),
    ("-h, --help", "Print the usage."),
    ("-D, -W", "Print the directives of ha.cf that have defaults; -W as a table of wikis."),
    ("-v", "Print the values of ha.cf in force."),
    ("-M, -R, -C STATE", "Refused, with the reason: heartbeat without resources, and its restart within itself."),
)

EXIT_CODES = (
    ("0", "Done; -s: it runs."),
    (
        "1",
        "Failed, with the reason on standard error; -s: it does not run, and its pid file is still there, or a "
        "heartbeat 3 runs.",
    ),
    ("2", "Wrong arguments."),
    ("3", "-s: it does not run."),
    ("4", "Not permitted: only root may do that."),
    ("6", "Not configured: a file of /etc/ha.d has errors. All are told, with line and cure."),
)

SIGNALS = (
    ("TERM", "Stop in order: resources are released and handed over."),
    ("HUP", "Reload."),
    ("USR1, USR2", "The debug level one up, one down; above 0 messages for debugging are written."),
    ("INT", "Ignored."),
)

STANDBY = (
    ("hb_standby [all | foreign | local | failback]", "Give resources to the other node. local are the groups whose "
     "line of haresources begins with this node's name; foreign, or failback, are the others. 0 as soon as it is "
     "begun, 1 with the reason when it cannot be: no live node there, or one of both is not stable."),
    ("hb_takeover [all | foreign | local | failback]", "Ask the other node for resources, named as seen from here. 1 "
     "without a live one."),
    ("hb_addnode, hb_delnode, hb_setweight, hb_setsite", "Refused, with the reason and exit status 1: the nodes are "
    "those "
     "of ha.cf, and have neither weight nor site."),
)  # fmt: skip

FILES = (
    ("/etc/ha.d/ha.cf, haresources, authkeys", "The configuration, see ha.cf(5), haresources(5), authkeys(5)."),
    ("/etc/ha.d/hbeat.yaml", "What ha.cf cannot say, see HBEAT.YAML. It need not be there."),
    ("/etc/ha.d/nodeinfo", "This node's name, if it is not to be that of `uname -n'."),
    ("/etc/ha.d/rc.d/TYPE", "A script that is run when a message of that type arrives; found at start and reload."),
    (
        "/var/lib/heartbeat/hb_generation, hb_uuid",
        "The number of starts and this node's uuid, those of heartbeat and in its form, without a checksum.",
    ),
    ("/var/lib/heartbeat/hb_peer", "What was heard of the other node last: generation and sequence number."),
    ("/var/lib/heartbeat/fifo", "Messages of scripts, in heartbeat's form. Made again when it was removed."),
    ("/var/run/heartbeat.pid", "The daemon's process; while there is none, its keeper's."),
    ("/var/run/heartbeat/default_route", "How the default route was before IPsrcaddr has set its source."),
    ("/var/run/heartbeat/control", "The control socket: root may do everything, group haclient may look."),
)

STATUS = (
    ("version, pid, node, active", "Of this daemon; active: it may hold resources."),
    ("nodes", "By name: status (init, up, active, dead, ping), type, links, and of others: silent, the seconds since "
     "the last heartbeat, deadtime, clients, program (hbeat or heartbeat), differing, the files that are not the "
     "same."),
    ("resources", "status as cl_status rscstatus has it, held and peer (none, local, foreign, all), phase, standby, "
     "busy while something is started or stopped, answered, the addresses of a silent node for which somebody answers "
     "and who, and the groups of haresources."),
    ("connection_sync", "Interface, syncid, running, the kernel's daemons, or problem; connections here and there, at "
     "the last look; level: yes, no or unknown, whether the one knows those that the other serves, and why; awaited, "
     "whether resources wait for that; dropped, messages that this kernel was too slow for. null where it is off."),
    ("late", "Seconds by which this daemon's own loop was late at the most: in the last minute, since the start. Where "
     "it comes near to keepalive, the timers are too short for this machine."),
    ("failover", "How long a fail-over takes at the most with these files, seconds by what happened; said at start, "
     "too. Scripts take their own time on top, so does the start of ldirectord without warm_standby, and a node that "
     "was started within the last five seconds is given two "
     "seconds more."),
    ("dropped", "Datagrams that were refused, by reason and by link, and messages of scripts."),
    ("parameters", "The values of ha.cf in force."),
)  # fmt: skip

RELOAD = (
    "A file with an error changes nothing; the command says what is wrong and exits with 1. So does one that "
    "would hold up heartbeats: no regular file, or more than 256 KiB.",
    "haresources: what came is started, a group with addresses as soon as nobody else answers for them, what went is "
    "stopped, everything else is not touched. Without any group it is refused: to stop all, stop heartbeat.",
    "hbeat.yaml: at once, but vip_lease, keeper and warm_standby, which need a restart.",
    "authkeys: at once, see CHANGING THE KEY in authkeys(5).",
    "ha.cf: at once, media and ping nodes between two heartbeats. What needs a restart says so in ha.cf(5), and what "
    "waits for one is told with its line: node, for one, auto_failback from or to legacy, and ipfail coming or going. "
    "Host names that are new are refused, since looking them up would hold up heartbeats.",
)

LIMITS = (
    "A cluster has one or two nodes, as with heartbeat and haresources.",
    "With auto_failback legacy, which holds where ha.cf does not say otherwise, nobody hands groups over: no cable and "
    "no command moves anything, a node that slept keeps what it has, and neither the connections nor the view of the "
    "other node are waited for. What keeps an address from being on both nodes is there: leases, keeper and guard.",
    "The client library of heartbeat (its register socket) is not there: crm, ccm, dopd and others which use it do not "
    "run; ipfail is built in.",
    "Two nodes whose heartbeats do not reach each other go on as they are, see SAFETY. If nothing at all reaches the "
    "other, ARP included, both serve, each in its own part of the network.",
)

NETWORK = (
    "A datagram that is not signed with a key of authkeys costs one checksum, is counted in `hbeat status', and "
    "is told of once a minute for each reason: malformed, unknown key, weak key (of a weaker method than the one "
    "that is sent with), bad signature, unknown node, name of this node (another machine is called so, too), stale, "
    "replay. What is sent again after a loss and arrives "
    "over both links is counted as replay, too.",
    "Recordings. A node of hbeat believes another one only when it repeats a word that was never sent before, so "
    "that recorded heartbeats are worth nothing at any time. heartbeat 3.0.6 cannot do that: of such a node only "
    "generation and sequence number are known, hb_peer keeps them over a restart, and what remains is this: "
    "heartbeats that it sent while this node was down or cut off can be played back to this node until they are "
    "used up; and those of the last second before this node was killed, once.",
    "A heartbeat 3.0.6 whose hb_generation was set back by hand stays stale here (the log says `older "
    "generation') until /var/lib/heartbeat/hb_peer is removed and hbeat restarted. A node of hbeat is heard all "
    "the same.",
    "Heartbeats in one direction only, between two nodes of hbeat: the node that is not heard gives its resources "
    "up when the other one has taken them. A node which is started while the other does not hear it takes the "
    "other for dead: the log names the other one as stale, mostly because of a firewall there.",
    "Groups do not go home to a node whose directors see every real server down while those of the other see some: "
    "its network is at fault, not the servers. It takes over nevertheless when the other one dies, and when told to.",
    "When such a node has to serve, its view does not empty the farm: if its director saw no server for ten seconds "
    "while the same director of the other node (of hbeat, too) said that it saw some, it serves all of them with their "
    "configured weights, on the other one's word, until a check of its own is good. The log of ldirectord and its "
    "status say so. What is down for both is down; so is what went down with the other node or after it, what is down "
    "while other servers are seen, and everything for a node that stands alone or beside a heartbeat 3.0.6. Where not "
    "only checks are out of reach, but the servers, as with a cable out, clients get no answer then; a fallback does "
    "not serve.",
    "A node that was declared dead and was not is given twice the silence the next time, then four and eight "
    "times, until ten minutes have passed without another false alarm.",
    "Someone who can hold back and delay heartbeats between the nodes, and not only listen, can make a dead node "
    "look alive for as long as he holds some back.",
)

SAFETY = (
    "No address is to be on two nodes. It may be where the nodes share no network, not even for ARP, where it is a "
    "script's, or where one of these is off or meets the limits that are told below. What each of these does is under "
    "HBEAT.YAML; all are on unless it says otherwise, and each does without the others.",
    "Lease (vip_lease). Addresses of IPaddr, IPaddr2 and IPv6addr only: what a script of your own adds stays when the "
    "daemon dies. Leases are whole seconds; the kernel removes an address up to a quarter of a second after its end. "
    "Linux 6.13 and newer wake no processor for that: on an idle one the address goes with the next thing that this "
    "processor has to do (seen: a second later). When daemon and keeper die at one instant nobody removes the "
    "addresses sooner. So long the other node, which asks and is answered, waits, and this machine goes on "
    "to serve what its kernel can; what has traffic does not sleep. An address that "
    "is the first of its network on an interface takes the others of that network with it, those of the operator, "
    "too, unless net.ipv4.conf.INTERFACE.promote_secondaries is 1: give the interface an address of its own in that "
    "network, or set it. The kernel also removes a default route whose source the address is (IPsrcaddr). When an "
    "address goes in another way than by a stop of its group, daemon and keeper put the route back as it was; after "
    "both have died the next start does. An address that somebody removes by hand is put back, once a second at most.",
    "Keeper (keeper). The process hbeat-keeper is the parent of the daemon, or its child when an earlier one was "
    "killed. It hands on the signals it gets; while it waits before it starts the daemon again, the pid file names it. "
    "What keeps a daemon from starting then is in syslog, also when the machine has no process or descriptor left for "
    "it; it is tried again all the same. Resources other than addresses, clients of respawn lines "
    "and ldirectord outlive the daemon as before; the next one stops or adopts them. It also tells the other node, if "
    "that runs hbeat, by a datagram which the daemon has signed for that: where all resources are built in, that node "
    "asks the network and takes over within a tenth of a second, without waiting for deadtime.",
    "ARP guard (arp_guard). It asks on the interface to which the address belongs. A router which answers for "
    "addresses of others (proxy ARP), or a real server which answers for the virtual address it has on its loopback "
    "interface (arp_ignore not set), looks like a living owner, and so does a machine that was given "
    "the address by mistake: "
    "nothing is taken over while it answers, the log names its hardware address once a minute, `hbeat status --yaml' "
    "has it under answered. Where nodes share no network, only routes, nobody answers, and the guard does nothing. "
    "When both nodes ask for the same address, the one that haresources names takes it (IPv4).",
    "What the guard cannot ask. A question counts when it was sent. While an interface takes no frame (its queue is "
    "full) nothing is taken because of it, and the log says so. An interface that is down, gone or without carrier is "
    "not asked on, and the other addresses of the group decide. Without carrier, addresses there are dropped once the "
    "other node is late, are not taken from a dead one, and come with the carrier. An address for which there is "
    "neither interface nor route on this node keeps nobody waiting: the start of its group says what is missing.",
    "What the guard sends. Per address 100 frames a second, with deadtimes below 160 ms up to 400 (one every "
    "deadtime/16, every 2.5 ms at the most); all addresses together 10,000 a second at the most, which is 6.7 Mbit/s "
    "on the cable. In each such round the silent machine's own address is asked for once on each interface. It begins "
    "when the other node has been silent for half of deadtime, a little later where that is less than 1.5 keepalive "
    "(for a node of hbeat whose resources are all built in, for 1.2 keepalive), and ends with the next heartbeat or "
    "when the addresses are taken, at deadtime mostly. For one that somebody answers for there are 20 a second after "
    "three seconds and 4 "
    "after five, for as long as the node is silent. IPv4: ARP requests to the broadcast address with 0.0.0.0 as the "
    "sender's address, as in RFC 5227; IPv6: neighbour solicitations. A switch must let them pass: with Dynamic ARP "
    "Inspection let the ports of both nodes be trusted (it takes 0.0.0.0 and unknown addresses for forged, and often "
    "shuts a port down from 15 a second on), and let storm control begin above 100 broadcast frames a second for each "
    "address and 100 more. A node whose questions are thrown away takes a living owner for dead.",
    "A node of hbeat whose heartbeat is late, while its machine still answers for its own address on the interface "
    "where a virtual one belongs and not for that one any more, eight times in a row, has a daemon that was killed or "
    "hangs, and a lease that has run out: it counts as dead at once, not after deadtime. This holds for groups whose "
    "resources are all built in; a script may still run there, and is waited for until deadtime. So is a node that has "
    "said that an address of what it holds is not up: stopped by hand, did not start, or is being started. An address "
    "for which somebody answered since the silence began has to be silent itself for half a second before it is taken.",
    "With a heartbeat 3.0.6 as the other node, which leaves its addresses behind when it crashes, the guard gives up "
    "after arp_guard_limit, says so, and takes the addresses as heartbeat would. When that node then claims one of "
    "them, it lives: it gets its groups, and nothing of it is taken again while it answers. A node that was never "
    "heard (a firewall, other keys) may be alive: nothing is taken while somebody answers for its addresses, without "
    "limit.",
    "The network is asked on while what stands before an address in haresources is started: two nodes that start the "
    "same group unheard hear each other's questions, and the one that haresources does not name stops it again. What a "
    "script has begun meanwhile (a mounted file system) may have been begun on both: that is what STONITH was for.",
    "A node that slept (SIGSTOP, a frozen cgroup, suspend, no processor) for longer than deadtime less keepalive "
    "drops its addresses first, then listens, and gets its groups back by failback; while the other node is stopped in "
    "order, for longer than initdead. One that slept for less, but more than half a lease, drops them and puts them "
    "back when nobody else has them. What a node held in the place of an original before such a sleep is told to run "
    "nowhere, and is started by hand (hbeat resource takegroup). A step of the wall clock is not "
    "noticed by anything here. A guest whose hypervisor stops its clocks, too (a snapshot, virsh suspend), cannot know "
    "that it slept: give its groups away first (hb_standby).",
    "A group that does not start here is tried again every half minute, but not while the other node is silent and "
    "somebody answers for its addresses.",
    "A claim of another machine for an address that stands here is logged. If the group is held in the place of a "
    "dead node, that node is not dead, and gets it; otherwise it stays, and is announced again.",
)

CONNECTIONS = (
    "With connection_sync each director knows the connections of the other one, and open downloads, logins and "
    "persistent clients survive power-off, stop, hb_standby and failback. It needs real servers that answer through "
    "the director (masq) or by themselves (gate, ipip), and the same ldirectord.cf on both nodes.",
    "Whose daemons those are. hbeat starts the kernel's IPVS synchronisation daemons, master and backup, on both nodes "
    "(ipvsadm -l --daemon shows them), takes over what runs already, starts what has ended again within two seconds, "
    "also after the interface was removed and came back, and stops them when it stops. LVSSyncDaemonSwap in "
    "haresources does not go with it.",
    "What the kernel tells. A connection is told of at its third packet and then at every fiftieth "
    "(net.ipv4.vs.sync_threshold), up to two seconds later, and never all of them. A node that has just come up knows "
    "nothing of those that are quiet, nor for a while of those that are slow.",
    "What hbeat tells. The node that serves tells the other one's kernel of every connection: when that node comes up, "
    "every 30 seconds, so that copies of quiet ones do not expire there, and right before it gives groups away. It "
    "uses the kernel's own messages (UDP, 224.0.0.81, port 8848, on the interface of connection_sync), which are not "
    "signed: let that interface be one between the nodes. A process beside the daemon reads /proc/net/ip_vs_conn for "
    "it, in which twice as many connections take four times as long: 20,000 take half a second, 100,000 ten seconds "
    "of a processor, and then it is done less often. It gives up after ten seconds; with more connections, let the "
    "kernel tell of them more often (net.ipv4.vs.sync_threshold, sync_refresh_period).",
    "Failback waits until the returning node knows the connections of this one, at most failback_limit.",
    "The self-test. Each node names a few of its open connections in its heartbeats, and the other one looks for them "
    "in its own kernel; `hbeat status' has the result. no: messages do not arrive; compare syncids and cables, and let "
    "firewalls pass UDP to 224.0.0.81. A connection that began less than two seconds before a power-off may be lost.",
)


def page() -> Iterator[str]:
    """The lines of the page."""
    yield from title("hbeat", 8, "moves addresses and services between the two nodes of a cluster")
    yield heading("SYNOPSIS")
    yield from (
        ".B hbeat",
        "[\\fB\\-d\\fR] [\\fB\\-f\\fR] [\\fB\\-l\\fR] [\\fB\\-k\\fR|\\fB\\-r\\fR|\\fB\\-s\\fR|\\fIVERB\\fR]",
        ".br",
        ".B hb_standby",
        "[\\fIall\\fR|\\fIforeign\\fR|\\fIlocal\\fR|\\fIfailback\\fR]",
        ".br",
        ".B hb_takeover",
        "[\\fIall\\fR|\\fIforeign\\fR|\\fIlocal\\fR|\\fIfailback\\fR]",
    )
    yield heading("DESCRIPTION")
    yield from paragraph(
        "The successor of Linux-HA heartbeat in haresources mode. It reads the same files, speaks the same protocol "
        "with "
        "heartbeat 3.0.6 on the other node, and is asked by the same commands."
    )
    yield heading("VERBS")
    yield from _entries(VERBS)
    yield heading("OPTIONS")
    yield from _entries(OPTIONS)
    yield heading("STANDBY AND TAKEOVER")
    yield from _entries(STANDBY)
    yield heading("EXIT STATUS")
    yield from _entries(EXIT_CODES)
    yield heading("SIGNALS")
    yield from _entries(SIGNALS)
    yield heading("STATUS")
    yield from paragraph("`hbeat status --yaml' has these keys; times are seconds.")
    yield from _entries(STATUS)
    yield heading("RELOAD")
    for text in RELOAD:
        yield from item(text)
    yield heading("FILES")
    yield from _entries(FILES)
    yield heading("LIMITS")
    for text in LIMITS:
        yield from item(text)
    yield heading("SAFETY")
    for text in SAFETY:
        yield from item(text)
    yield heading("HBEAT.YAML")
    yield from paragraph("/etc/ha.d/hbeat.yaml may have these settings, one a line, as NAME: VALUE.")
    for row in SETTINGS.values():
        yield from entry(f"{row.name}: {row.form}", f"{row.meaning} Default: {row.default}.")
    yield heading("CONNECTIONS")
    for text in CONNECTIONS:
        yield from item(text)
    yield heading("KERNEL SETTINGS")
    yield from paragraph(
        "Looked at when hbeat starts and at each reload; of two values, that of the interface and that of `all', the "
        "larger one holds. sysctl in hbeat.yaml says what is done about one that is otherwise; those that are set stay "
        "set when hbeat stops. ldirectord looks at others, see ldirectord(8)."
    )
    for own in PER_INTERFACE:
        name = f"net.ipv4.conf.INTERFACE.{own.name} = {own.wanted}"
        yield from entry(name, f"{own.when}. Otherwise {own.otherwise}.")
    for synced in WITH_SYNC:
        yield from entry(f"{synced.name} = {synced.wanted}", f"With connection_sync. Otherwise {synced.otherwise}.")
    yield heading("HOSTILE AND BROKEN NETWORKS")
    for text in NETWORK:
        yield from item(text)
    yield heading("FROM HEARTBEAT TO HBEAT, ONE NODE AT A TIME")
    yield from paragraph(
        "A pair with one node of each kind is a supported state. The commands are those of Debian; elsewhere the "
        "packages "
        "are removed in another way. Where systemd runs, removing the package removes its unit, and "
        "/etc/init.d/heartbeat "
        "becomes one."
    )
    yield from _steps(FORTH)
    yield heading("AND BACK")
    yield from _steps(BACK)
    yield heading("SEE ALSO")
    yield ".BR ha.cf (5), haresources (5), authkeys (5), cl_status (1), ldirectord (8)"


def _entries(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for head, text in rows:
        yield from entry(head, text)


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        yield from paragraph(step.text)
        yield from example(map(str, step.commands))
