"""The migration of hbeat(8), typed command by command under load: two originals become two of ours, and the way back.

A client asks through the virtual address all the time. What a handover of the originals themselves costs is measured in
the same run, before and after; no step of the way may cost more. In one step an original takes over from one of ours,
which takes as long as its scripts do, as between originals: of two samples of the same, with a machine that has other
work, either may have the longest. That is played several times while the pair is mixed, and it does cost more when each
of them is longer than each of the originals (once in 1,287 runs if there is no difference).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hbeat.manual.migration import BACK, FORTH, Command, Step
from tests.interop.administrator import Administrator
from tests.interop.evidence import kept_if_failed
from tests.interop.mixed import FOLDERS, MixedPair
from tests.interop.service import Service
from tests.system.pair import NAMES

A, B = NAMES
NAMED = {"A": A, "B": B}
HOLDERS = (A, A, A, A, B, A, A, B, A)
"""Who serves after each step. In the last one originals are among themselves again: what it costs is their own."""
HANDED_OVER, TO_ORIGINAL, ORIGINALS = 4, 7, 8
"""Steps: A, an original, has handed over to B, one of ours; ours hands over to an original; originals alone."""

MIXED_UP = "msg2string: Message with zero fields"
"""An original to whose FIFO two scripts wrote at once: the end of its own takeover is lost (once in ten runs)."""
ATTEMPTS = 3


def standby(giver: str) -> Step:
    return Step("What the originals do.", (Command(giver, "/usr/share/heartbeat/hb_standby all"),))


AMONG_ORIGINALS = (("A", B), ("B", A)) * 2
TO_ORIGINAL_AND_BACK = (("B", A), ("A", B)) * 4
"""Who gives, and who takes."""


class MixedUpOriginal(Exception):
    """See MIXED_UP: nothing can be learned from this pair any more."""


def test_both_nodes_are_replaced_and_go_back_and_no_step_costs_clients_more_than_a_standby_of_the_originals(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        try:
            with contextmanager(kept_if_failed)(MixedPair(folder, NAMES), folder, request.node) as pair:
                for name in NAMES:
                    pair.nodes[name].boot()
                replace_and_go_back(pair, folder)
            return
        except MixedUpOriginal:
            print(f"attempt {attempt + 1}: an original mixed up what its scripts said; another pair begins anew")
    pytest.fail(f"in {ATTEMPTS} pairs an original stayed in transition")


def replace_and_go_back(pair: MixedPair, tmp_path: Path) -> None:
    """The story, with a pair of two originals that was booted."""
    administrator = Administrator(pair, tmp_path / "source")
    for name in NAMES:
        administrator.types(name, f"{FOLDERS} && /etc/init.d/heartbeat start")
    await_holder(pair, administrator, A)
    uuids = {name: uuid(pair, name) for name in NAMES}
    with closing(Service(pair)) as seen, pair.audit() as auditor:
        for name in NAMES:
            seen.serve(name)
        originals = standbys(pair, administrator, seen, AMONG_ORIGINALS)
        costs: list[float] = []
        to_original: list[float] = []
        for number, (step, holder) in enumerate(zip(FORTH + BACK, HOLDERS, strict=True)):
            seconds = cost(pair, administrator, seen, step, holder)
            print(f"{seconds:5.2f} s  {step.text}")
            if number != ORIGINALS:
                (to_original if number == TO_ORIGINAL else costs).append(seconds)
            if number == HANDED_OVER:
                mixed = standbys(pair, administrator, seen, TO_ORIGINAL_AND_BACK)
                to_original += mixed[0::2]
                costs += mixed[1::2]
        originals += standbys(pair, administrator, seen, AMONG_ORIGINALS)
    assert auditor.doubles == []
    assert max(costs) <= max(originals)
    assert min(to_original) <= max(originals)
    assert {name: uuid(pair, name) for name in NAMES} == uuids


def standbys(
    pair: MixedPair, administrator: Administrator, seen: Service, turns: Sequence[tuple[str, str]]
) -> list[float]:
    """What each turn costs."""
    costs = [cost(pair, administrator, seen, standby(giver), taker) for giver, taker in turns]
    print("hb_standby:", *(f"{giver} {seconds:.2f}" for (giver, _), seconds in zip(turns, costs, strict=True)))
    return costs


def cost(pair: MixedPair, administrator: Administrator, seen: Service, step: Step, holder: str) -> float:
    """Type the step's commands, wait until all is quiet and the holder serves; tell how long clients had no answer."""
    begun = time.monotonic()
    for command in step.commands:
        name, line = NAMED[command.node], command.line.format(**NAMED)
        if not command.shows:
            administrator.types(name, line)
            continue
        deadline = time.monotonic() + 30
        while command.shows not in (out := administrator.types(name, f"{line} 2>&1 || true")):
            assert time.monotonic() < deadline, f"{name}# {line}\n{out}"
    await_holder(pair, administrator, holder)
    return seen.outage(begun, time.monotonic())


def await_holder(pair: MixedPair, administrator: Administrator, name: str) -> None:
    def is_quiet() -> bool:
        return all(is_stable(administrator, node) for node in NAMES)

    pair.serves(name, 40)
    try:
        pair.until(is_quiet, 30)
    except AssertionError:
        if any(MIXED_UP in pair.log(node) for node in NAMES):
            raise MixedUpOriginal from None
        raise


def is_stable(administrator: Administrator, name: str) -> bool:
    """A node that is stopped just now is in the middle of nothing."""
    return administrator.types(name, "cl_status rscstatus 2>&1 || true").strip() != "transition"


def uuid(pair: MixedPair, name: str) -> bytes:
    return (pair.nodes[name].folder / "lib/hb_uuid").read_bytes()
