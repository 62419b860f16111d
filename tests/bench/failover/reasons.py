"""Why aims were missed, where that is known: by profile, and by the words with which the line of the aim begins.

A reason stands on the page while its aim is missed, whatever the figure: who plays anew looks whether it still holds.
"""

from __future__ import annotations

GUEST = (
    "a guest takes 0.1 to 0.2 s for the shell with which either stack is told; from the notice on the other node takes "
    "14 to 116 ms (logs of 24 plays). Of keepalived's time 60 ms follow from its timers, the rest is the guest; the "
    "machine's own kernel, below under addresses alone, tells what is left without it"
)
UNDER_WAY = (
    "a request that is under way when the addresses move is reset by the other director, which does not know its "
    "connection, as an open download is. Traced: it had connected 16 ms before; its next packet waited for 15 ms, "
    "until the address had gone, since the daemons of both nodes and the kernel's queues share the guest's processor. "
    "At 100 requests a second one of that length is under way in many moves (at hb_takeover they had begun 18 and "
    "24 ms before it, and ended with it)"
)
BETWEEN_BEATS = (
    "where between two heartbeats the power goes is chance, 0 to 0.1 s of each outage, and medians of ten such plays "
    "differ by some 0.015 s from ten to ten. Traced (four plays, nothing beside): a node was dead 0.300 to 0.301 s "
    "after its last heartbeat, both addresses stood 1 ms later, the outages were 0.250, 0.251, 0.260 and 0.305 s; "
    "keepalived waits for 0.3 s and its skew. Addresses alone, below, have 0.85"
)
SYSTEM_CALLS = "both take what their system calls take, 5 to 15 ms, and hb_standby the start of a shell before that"

REASONS: dict[str, dict[str, str]] = {
    "1s": {
        "power-off with synchronised connections: silent for at most 1 s longer than the outage": (
            "TCP repeats what was lost after 0.2, 0.6, 1.4 and 3 s: after an outage of 2.1 s the next attempt comes at "
            "3.3 s, on keepalived as well"
        ),
    },
    "100ms": {
        "power-off: outage at most 0.9 of keepalived's": BETWEEN_BEATS,
        "power-off with synchronised connections: outage at most 0.9 of keepalived's": BETWEEN_BEATS,
        "stop: moved at most 0.3 of keepalived's": GUEST,
        "hb_standby: moved at most 0.3 of keepalived's": GUEST,
        "inside cable back: failed requests at most 2, 0 in the median": UNDER_WAY,
        "hb_takeover: failed requests at most 2, 0 in the median": UNDER_WAY,
    },
    "10ms, addresses alone": {
        "stop: moved at most 0.3 of keepalived's": SYSTEM_CALLS,
        "hb_standby: moved at most 0.3 of keepalived's": SYSTEM_CALLS,
    },
}
