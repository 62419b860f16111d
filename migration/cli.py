"""hbeat-migrate: what an Ultra Monkey configuration does on this suite, before any machine is touched.

    hbeat-migrate check DIR        read all files, say what is wrong, what is ignored and what would run
    hbeat-migrate rehearse DIR     run the cluster of DIR in a guest kernel and measure every fail-over
        --against keepalived,heartbeat    ... and run it on those as well: the same faults, one after the other

Exit status: 0 all is well, 1 the files have errors or something did not go as expected (of this suite: what the others
do is not judged), 2 bad usage or the rehearsal cannot run here.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ldirector.adapters.names import SystemNames
from migration import logs, uml
from migration.check import describe
from migration.cluster_files import ClusterFiles, ClusterFilesError, read_cluster
from migration.comparison.comparison import RIVALS, Comparison, known_faults, stacks
from migration.comparison.play import longest
from migration.comparison.programs import ProgramMissing
from migration.lab_places import LabPlacesError, lab_places
from migration.report import Report
from migration.story import STEPS, Plan, rehearse
from migration.topology import Topology, TopologyError, derive

GUEST_MEMORY = "768M"
TIME_LIMIT_PER_ROUND = 600.0
"""Seconds that a guest may take for one round of all steps."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end_in_order)
    try:
        files = read_cluster(options.folder, SystemNames(), _overrides(options))
        topology = _topology(files)
        if options.command == "check":
            print("\n".join(describe(files, topology)))
            return 0
        if isinstance(topology, TopologyError):
            raise topology
        _check_choice(parser, options, topology)
    except (ClusterFilesError, TopologyError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        if options.host or options.inside_guest:
            return _rehearse_here(options, files, topology)
        if options.against:
            stacks(files, topology, options.against)  # before anything boots: their programs are here
        print("\n".join(describe(files, topology)), flush=True)
        return _rehearse_in_guest(options, files)
    except (uml.GuestError, LabPlacesError, ProgramMissing) as error:
        print(f"hbeat-migrate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hbeat-migrate: interrupted; everything was taken down", file=sys.stderr)
        return 130


def _topology(files: ClusterFiles) -> Topology | TopologyError:
    """What can be rehearsed, or why nothing can: no fault of the files."""
    try:
        return derive(files)
    except TopologyError as error:
        return error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hbeat-migrate", description="Check and rehearse a heartbeat configuration.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("check", "read the files, say what is wrong with them and what would run"),
        ("rehearse", "run the cluster in a guest kernel, cut its power, measure what clients see"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("folder", type=_folder, metavar="DIR", help="ha.cf and the others, or a folder per node")
    command.add_argument("--host", action="store_true", help="on this machine's kernel (root, ip_vs), not in a guest")
    command.add_argument("--json", type=_result_file, metavar="FILE", help="write all that was seen to FILE")
    command.add_argument("--keepalive", metavar="TIME", help="instead of ha.cf's, as it would stand there: 100ms")
    command.add_argument("--deadtime", metavar="TIME", help="instead of ha.cf's; timers that follow from it, too")
    command.add_argument("--steps", type=_steps, metavar="A,B", help=f"of {','.join(STEPS)}; all by default")
    command.add_argument("--repeat", type=int, default=1, metavar="N", help="play everything N times, show medians")
    command.add_argument("--keep-logs", type=Path, metavar="DIR", help="copy each node's /var/log to DIR/.../NODE")
    command.add_argument(
        "--against",
        type=_against,
        metavar="A,B",
        help=f"beside {' and '.join(RIVALS)}: every fault on a fresh pair of each in turn, and a table",
    )
    command.add_argument(
        "--faults",
        metavar="A,B",
        help="with --against: of power-off, stop, hb_standby, cable IFACE for each interface with a virtual address, "
        "killed, frozen, heartbeats cut; all by default",
    )
    command.add_argument("--inside-guest", action="store_true", help=argparse.SUPPRESS)
    return parser


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path.resolve()


def _result_file(text: str) -> Path:
    path = Path(text)
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.absolute().parent} is not a folder: make it first")
    return path


def _end_in_order(number: int, frame: object) -> None:
    """A signal ends us as an exception does: what was built is taken down on the way out."""
    raise SystemExit(128 + number)


def _steps(text: str) -> tuple[str, ...]:
    steps = tuple(text.split(","))
    if unknown := [step for step in steps if step not in STEPS]:
        raise argparse.ArgumentTypeError(f"no step {unknown[0]}; there are {', '.join(STEPS)}")
    return steps


def _against(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in RIVALS]:
        raise argparse.ArgumentTypeError(f"no stack {unknown[0]!r}; there are {', '.join(RIVALS)}")
    return names


def _check_choice(parser: argparse.ArgumentParser, options: argparse.Namespace, topology: Topology) -> None:
    """Options that need one another, and faults, whose names the files tell. Ends the program on bad usage."""
    if options.repeat < 1:
        parser.error("--repeat: at least 1")
    if options.faults and not options.against:
        parser.error("--faults goes with --against; without it, --steps says what is played")
    if options.steps and options.against:
        parser.error("--steps does not go with --against; --faults says what is played then")
    if options.against:
        known = known_faults(topology)
        options.faults = options.faults.split(",") if options.faults else list(known)
        if unknown := [name for name in options.faults if name not in known]:
            parser.error(f"--faults: no fault {unknown[0]!r} here; there are {', '.join(known)}")
    options.steps = options.steps or STEPS


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    """The directives of ha.cf given on the command line; `check` has none."""
    given = {name: getattr(options, name, None) for name in ("keepalive", "deadtime")}
    return {name: value for name, value in given.items() if value}


def _rehearse_in_guest(options: argparse.Namespace, files: ClusterFiles) -> int:
    """Boot a guest and run this same command in it, with the places for results written through."""
    command = [sys.executable, "-u", "-m", "migration", "rehearse", str(options.folder), "--inside-guest"]
    command += ["--repeat", str(options.repeat)]
    time_limit = TIME_LIMIT_PER_ROUND
    if options.against:
        command += ["--against", ",".join(options.against), "--faults", ",".join(options.faults)]
        time_limit = longest(files.nodes[0].ha.timing) * len(options.faults) * (1 + len(options.against))
    else:
        command += ["--steps", ",".join(options.steps)]
    shared = []
    for name, value in _overrides(options).items():
        command += [f"--{name}", value]
    if options.json:
        command += ["--json", str(options.json.resolve())]
        shared.append(options.json.resolve().parent)
    if options.keep_logs:
        options.keep_logs.mkdir(parents=True, exist_ok=True)
        command += ["--keep-logs", str(options.keep_logs.resolve())]
        shared.append(options.keep_logs.resolve())
    print("\nbooting a guest kernel", flush=True)
    return uml.run_guest(
        command,
        memory=GUEST_MEMORY,
        time_limit=time_limit * options.repeat,
        on_line=lambda line: print(line, flush=True),
        shared=shared,
        folder=Path(__file__).parents[1],
    )


def _rehearse_here(options: argparse.Namespace, files: ClusterFiles, topology: Topology) -> int:
    """Play on the kernel this runs on."""
    if options.against:
        return _compare_here(options, files, topology)
    report = Report(lambda line: print(line, flush=True))
    plan = Plan(options.steps, options.repeat)
    with lab_places(options.inside_guest), tempfile.TemporaryDirectory(prefix="hbeat-lab-") as name:
        folder = Path(name)
        try:
            rehearse(files, topology, plan, folder, report)
        finally:
            report.summary()
            if options.json:
                report.save(options.json, topology.notes)
            if options.keep_logs:
                logs.keep(folder, options.keep_logs)
    return 0 if report.passed else 1


def _compare_here(options: argparse.Namespace, files: ClusterFiles, topology: Topology) -> int:
    comparison = Comparison(files, topology, options.against, lambda line: print(line, flush=True))
    with lab_places(options.inside_guest):
        try:
            comparison.play(options.faults, options.repeat, options.keep_logs)
        finally:
            print("\n".join(comparison.summary()), flush=True)
            if options.json:
                comparison.save(options.json)
    return 0 if comparison.passed else 1
