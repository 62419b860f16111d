"""What `make bench-failover` compares: names of rows -> stacks, each on the files of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ldirector.adapters.names import SystemNames
from migration.cluster_files import read_cluster
from migration.comparison.play import Contender
from migration.comparison.programs import HEARTBEAT_LAYER, KEEPALIVED
from migration.comparison.stacks import Keepalived, Originals, Ours, Stack
from migration.keepalived_conf import translate
from migration.topology import derive
from tests.bench.failover.profile import Profile, write_files

STACKS = ("ours", "keepalived", "originals", "ours-sync", "keepalived-sync")


def contenders(profile: Profile, names: Iterable[str], folder: Path) -> list[Contender]:
    """Those of these names; their files go below `folder`. The versions are Debian's, whatever is installed here."""
    settings = {}
    for sync in (False, True):
        files_folder = folder / ("sync" if sync else "plain")
        write_files(profile, files_folder, sync)
        files = read_cluster(files_folder, SystemNames())
        settings[sync] = files, derive(files)
    made = []
    for name in names:
        files, topology = settings[name.endswith("-sync")]
        stack: Stack
        match name.removesuffix("-sync"):
            case "ours":
                stack = Ours()
            case "keepalived":
                stack = Keepalived(KEEPALIVED, translate(files, topology).confs)
            case _:
                stack = Originals(HEARTBEAT_LAYER)
        made.append(Contender(name, stack, files, topology))
    return made
