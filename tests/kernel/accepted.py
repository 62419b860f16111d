"""Where this suite's table differs from the recorded one on purpose, by case and stage.

Each entry: lines of `ipvsadm -Sn` that are recorded and not ours, and lines that are ours and not recorded. Every one
is named a defect of the original by its case.yaml (quirk_stages) and by reference section g.
"""

from __future__ import annotations

# g-5: the original never finds the port that ipvsadm forced; the server stays at weight 0 for ever
_GATE_PORT = (
    {"-a -t 10.1.1.10:80 -r 192.168.2.240:80 -g -w 0"},
    {"-a -t 10.1.1.10:80 -r 192.168.2.240:80 -g -w 6"},
)
# g-12: a server that was never up is missing from all but one of its virtuals
_NEVER_UP: tuple[set[str], set[str]] = (set(), {"-a -t 10.1.1.10:83 -r 192.168.2.236:80 -m -w 0"})

DIFFERENCES: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "04_forwarding": {"start": _GATE_PORT, "later": _GATE_PORT},
    "12_checktype_external": {
        "start": _NEVER_UP,
        "second-real-fails": _NEVER_UP,
        "second-real-recovers": _NEVER_UP,
    },
}
