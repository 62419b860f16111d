"""Why aims were missed, where that is known: by profile, and by the words with which the line of the aim begins.

A reason stands on the page while its aim is missed, whatever the figure: who plays anew looks whether it still holds.
"""

from __future__ import annotations

ONCE = "one play of five, see the median, and what is said of this run"
INTERPRETER = "mostly the start of the interpreter for the command; nobody is without the addresses meanwhile"
SYSTEM_CALLS = "both take what their system calls take, some 15 ms"

REASONS: dict[str, dict[str, str]] = {
    "1s": {
        "hb_standby: moved at most 0.3 of keepalived's": INTERPRETER,
        "inside cable: outage at most 0.15 s": ONCE,
        "killed: outage at most 0.3 s": ONCE,
        "power-off with synchronised connections: silent for at most 1 s longer than the outage": (
            "TCP repeats what was lost after 0.2, 0.6, 1.4 and 3 s: after an outage of 2.1 s the next attempt comes at "
            "3.3 s, on keepalived as well"
        ),
    },
    "100ms": {
        "stop: moved at most 0.3 of keepalived's": (
            "in the guest, on whose one processor all programs of both nodes run: the shell of the init script alone "
            "has told the daemon after 60 to 70 ms (traced), the rest was not traced; no request is lost; on the "
            "machine's own kernel 0.25"
        ),
        "hb_standby: moved at most 0.3 of keepalived's": INTERPRETER,
        "outside cable: outage at most 0.15 s": ONCE,
    },
    "1s, addresses alone": {"killed: outage at most 0.3 s": "one play of five, of a loaded machine, see the median"},
    "100ms, addresses alone": {"hb_standby: moved at most 0.3 of keepalived's": INTERPRETER},
    "10ms, addresses alone": {
        "stop: moved at most 0.3 of keepalived's": SYSTEM_CALLS,
        "hb_standby: moved at most 0.3 of keepalived's": INTERPRETER,
        "outside cable: outage at most 0.5 of keepalived's": (
            "three adverts are 30 ms there; of ours 20 ms are for how long a cable has to be out to be believed"
        ),
    },
}
