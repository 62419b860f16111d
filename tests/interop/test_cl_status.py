"""cl_status of both programs on the same files: the same output and the same exit status."""

from __future__ import annotations

from tests.interop.mixed import HA_CF, MixedPair
from tests.system.pair import HOSTS, NAMES

ONE, TWO = NAMES

QUESTIONS = (
    *("hbstatus", "hbstatus -m", "listnodes", "listnodes -v", "listnodes -n", "listnodes -p", "rscstatus"),
    *(f"{verb} {node}" for verb in ("nodestatus", "nodetype", "listhblinks -v") for node in (*NAMES, "10.1.1.254")),
    *(f"hblinkstatus {node} {link}" for node in (*NAMES, "nix") for link in ("eth0", "eth9")),
    *(f"clientstatus {node} nix" for node in (*NAMES, "nix")),
    *("nodestatus nix", "nodestatus", "hblinkstatus test1.com", "clientstatus test1.com", "hbparameter -p deadtime"),
    *("hbparameter -p nix", "hbparameter", "dance"),
)


def without_own(name: str) -> str:
    """ha.cf as most people write it: ucast lines for the other node alone."""
    return "".join(line for line in HA_CF.splitlines(keepends=True) if not line.strip().endswith(HOSTS[name]))


def answer(pair: MixedPair, name: str, question: str) -> tuple[int, str]:
    """Exit status and answer; complaints are worded otherwise."""
    status, out = pair.command(name, "cl_status", *question.split())
    return status, "" if "ERROR" in out or out.startswith("cl_status:") or status > 1 else out


def test_answers_are_those_of_the_original(pair: MixedPair) -> None:
    for name in NAMES:
        pair.write(name, "ha.cf", HA_CF + "ping 10.1.1.254\n")
    pair.start_all()
    for question in QUESTIONS:
        assert answer(pair, pair.ours, question) == answer(pair, pair.theirs, question), question
    begin, _, rest = pair.command(pair.ours, "cl_status", "hbstatus", "-v")[1].partition("\n")
    of_theirs = pair.command(pair.theirs, "cl_status", "hbstatus", "-v")[1].partition("\n")
    assert begin.startswith("version:\thbeat ")
    assert rest == of_theirs[2]


def test_own_links_are_dead_where_nothing_is_sent_to_oneself(pair: MixedPair) -> None:
    for name in NAMES:
        pair.write(name, "ha.cf", without_own(name))
    pair.start_all()
    for name in (pair.ours, pair.theirs):
        assert answer(pair, name, f"listhblinks {name} -v") == (0, "\teth1\tdead\n\teth0\tdead\n")
        assert answer(pair, name, f"hblinkstatus {name} eth0") == (1, "dead\n")
