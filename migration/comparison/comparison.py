"""`hbeat-migrate rehearse DIR --against A,B`: the user's own files on this suite and on the others, and a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from migration.cluster_files import ClusterFiles
from migration.comparison import programs
from migration.comparison.faults import Fault, faults
from migration.comparison.play import Contender, Play, plays
from migration.comparison.stacks import Keepalived, Originals, Ours, Stack
from migration.comparison.table import OURS, Row, line, medians, ratios, table
from migration.expected import is_judged
from migration.keepalived_conf import translate
from migration.topology import Topology

RIVALS = ("keepalived", "heartbeat")
OUR_OWN_FILES = ("hbeat.yaml", "ldirector.yaml")

SLOW_STARTS = (
    "a takeover starts some 480 programs, and a guest starts programs about ten times more slowly than a machine does: "
    "on a machine these outages are seconds long, not half a minute"
)

LEGEND = """\
Median (least–most) of the runs; times in seconds. outage: the longest time without a good answer for a client that
asks through the virtual address every 10 ms; failed: requests of those. moved: until all virtual addresses were where
they belong. two owners: so long both kernels had one address. downloads: how many of those open through the virtual
address went on, and the longest silence of those. of keepalived's: the median outage as a part of keepalived's.
killed, frozen: all processes of the stack on the owner at one instant, SIGKILL or SIGSTOP; heartbeats cut: the switch
drops heartbeats and adverts only. Nobody repairs these three; in the last one nothing has to move."""


def known_faults(topology: Topology) -> dict[str, Fault]:
    """By name; a cable for each interface of the target's owner that has a virtual address."""
    owner = next(node for node in topology.nodes if node.name == topology.owner)
    spoken = [leg for leg in owner.legs if any(vip.address in leg.network for vip in topology.vips)]
    return faults({f"cable {leg.interface}": leg.interface for leg in spoken})


def stacks(files: ClusterFiles, topology: Topology, against: Sequence[str]) -> tuple[list[Stack], tuple[str, ...]]:
    """Ours and those, and what is to be said of them. Raises ProgramMissing."""
    chosen: list[Stack] = [Ours()]
    notes: list[str] = []
    for name in against:
        if name == "keepalived":
            translation = translate(files, topology)
            chosen.append(Keepalived(programs.keepalived(), translation.confs))
            notes += [f"keepalived: {note}" for note in translation.notes]
        else:
            chosen.append(Originals(programs.heartbeat_layer()))
            paths = dict.fromkeys(node.folder / name for node in files.nodes for name in OUR_OWN_FILES)
            notes.append(f"heartbeat: {SLOW_STARTS}")
            notes += [f"heartbeat: {path}: the originals do not read it" for path in paths if path.exists()]
    return chosen, tuple(notes)


class Comparison:
    """One run of it. write: takes each line that is shown."""

    def __init__(
        self, files: ClusterFiles, topology: Topology, against: Sequence[str], write: Callable[[str], None]
    ) -> None:
        self._files, self._topology, self._write = files, topology, write
        self._stacks, self.notes = stacks(files, topology, against)
        self._rows: list[Row] = []
        self._unmet: list[str] = []
        self._unrested: list[Play] = []

    def play(self, names: Sequence[str], repeat: int, keep_logs: Path | None) -> None:
        """These faults on every stack, so many times over; each row is told as it comes."""
        chosen = [known_faults(self._topology)[name] for name in names]
        contenders = [Contender(stack.name, stack, self._files, self._topology) for stack in self._stacks]
        times = "once" if repeat == 1 else f"{repeat} times"
        self._write(f"playing {', '.join(names)}, {times} each on {', '.join(stack.name for stack in self._stacks)}")
        for play in plays(chosen, contenders, repeat, keep_logs):
            self._take(play)

    def _take(self, play: Play) -> None:
        if not play.halves:
            self._unrested.append(play)
            self._write(f"{play.contender:<11} {play.fault:<20} did not come to rest")
        for half in play.halves:
            row: Row = {**half.row.as_dict(), "stack": play.contender, "repetition": play.repetition}
            self._rows.append(row)
            self._write(line(row))
            if play.contender == OURS:
                self._unmet += half.unmet
                for missing in half.unmet:
                    self._write(f"{'':11} NOT as expected: {missing}")

    @property
    def passed(self) -> bool:
        """Ours did all that is expected of it; what the others did is not judged."""
        return not self._unmet and all(play.contender != OURS for play in self._unrested) and self._has_rows(OURS)

    def _has_rows(self, stack: str) -> bool:
        return any(row["stack"] == stack for row in self._rows)

    def summary(self) -> Iterator[str]:
        """The table, what has to be known to read it, and the verdict."""
        yield from ("", "== comparison")
        yield from table(self._rows, [(play.fault, play.contender) for play in self._unrested])
        yield from ("", *LEGEND.splitlines())
        shown = set()
        for play in self._unrested:
            if play.contender not in shown:
                shown.add(play.contender)
                yield from ("", f"== {play.contender} did not come to rest; the last lines of its logs")
                yield from (f"{'':11}{text}" for text in play.log or ("(it logged nothing)",))
        if notes := [*self.notes, *self._lab_notes()]:
            yield from ("", "== where the comparison is not of the same things")
            yield from notes
        yield ""
        if self.passed:
            yield "ours did as expected: served again by the right node, no address on two nodes"
        else:
            yield f"FAILED: {'; '.join(dict.fromkeys(self._unmet)) or 'ours did not come to rest'}"

    def _lab_notes(self) -> Iterator[str]:
        for director in self._files.directors:
            for virtual in director.virtuals:
                if not is_judged(virtual):
                    yield (
                        f"{director.file}: the lab's real servers speak HTTP without TLS; a check by "
                        f"{virtual.checktype.value} of service {virtual.service} may fail there for every stack"
                    )

    def save(self, path: Path) -> None:
        """Everything as JSON."""
        found = [
            {"fault": fault, "stack": stack, "outage": value} for (fault, stack), value in medians(self._rows).items()
        ]
        document: dict[str, Any] = {
            "passed": self.passed,
            "unmet": self._unmet,
            "notes": [*self._topology.notes, *self.notes, *self._lab_notes()],
            "rows": self._rows,
            "did_not_come_to_rest": [
                {"fault": play.fault, "stack": play.contender, "repetition": play.repetition, "log": list(play.log)}
                for play in self._unrested
            ],
            "median_outage": found,
            "ours_of_keepalived": ratios(self._rows),
        }
        path.write_text(json.dumps(document, indent=2) + "\n")
