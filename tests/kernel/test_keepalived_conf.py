"""The keepalived.conf files that are made, read by the real keepalived, in a network namespace with the interfaces."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ldirector.adapters.names import SystemNames
from ldirector.config.ldirectord_cf import parse
from migration.cluster_files import read_cluster
from migration.comparison import programs
from migration.keepalived_conf import translate
from migration.keepalived_virtuals import quoted, virtual_servers
from migration.topology import derive
from tests.ldirector.world import FakeNames

ROOT = Path(__file__).parents[2]
VECTORS = sorted((ROOT / "tests/vectors/ldirectord").glob("*/ldirectord.cf"))
SYNC = "connection_sync: eth1/5\n"
HARMLESS = ("quorum 1 for", "hysteresis 0 >=")
"""Of virtuals whose reals all have weight 0 (checktype=off)."""


def why_not() -> str:
    if os.geteuid() != 0:
        return "needs root: namespaces"
    try:
        programs.keepalived()
    except programs.ProgramMissing as missing:
        return str(missing)
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def complaints(conf: str, folder: Path, *interfaces: str) -> list[str]:
    """What keepalived has against it, [] if nothing."""
    file = folder / "keepalived.conf"
    file.write_text(conf, errors="surrogateescape")
    links = "".join(f"ip link add {name} type veth peer name {name}p && " for name in interfaces)
    test = f"{links}exec {programs.keepalived()} --config-test --use-file={file}"
    done = subprocess.run(["unshare", "--net", "sh", "-c", test], capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if not any(word in line for word in HARMLESS)]
    assert done.returncode == 0 or said or "hysteresis" in done.stderr
    return said


@pytest.mark.parametrize("node", ["test1.com", "test2.com"])
@pytest.mark.parametrize("folder", [ROOT / "etc/ha.d", ROOT / "tests/vectors/ultramonkey"], ids=["samples", "seed"])
def test_keepalived_accepts_the_translation_of_whole_clusters(folder: Path, node: str, tmp_path: Path) -> None:
    files = read_cluster(folder, SystemNames())
    assert complaints(translate(files, derive(files)).confs[node], tmp_path, "eth0", "eth1") == []


def test_keepalived_accepts_active_active_synchronisation_ipv6_and_many_addresses(tmp_path: Path) -> None:
    folder = tmp_path / "ha.d"
    subprocess.run(["cp", "-r", str(ROOT / "etc/ha.d"), str(folder)], check=True)
    more = " ".join(f"10.1.1.{number}" for number in range(20, 60))
    (folder / "haresources").write_text(
        "test1.com ldirectord::ldirectord.cf 10.1.1.10/24/eth0:3 192.168.2.240/24/eth1/192.168.2.255 "
        f"IPv6addr::fd00:0:0:0:0:0:0:10/64/eth0\ntest2.com {more}\n"
    )
    (folder / "hbeat.yaml").write_text(SYNC)
    with (folder / "ha.cf").open("a") as ha_cf:
        ha_cf.write("keepalive 10ms\ndeadtime 40ms\nwarntime 20ms\nauto_failback off\n")
    files = read_cluster(folder, SystemNames())
    for conf in translate(files, derive(files)).confs.values():
        assert complaints(conf, tmp_path, "eth0", "eth1") == []


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.parent.name)
def test_keepalived_accepts_every_ldirectord_cf_of_the_vectors(path: Path, tmp_path: Path) -> None:
    text = path.read_text(errors="surrogateescape")
    lines, _ = virtual_servers(parse(text, str(path), FakeNames()), text)
    assert complaints("\n".join(["global_defs {", " router_id x", "}", *lines]) + "\n", tmp_path) == []


def test_keepalived_accepts_patterns_full_of_signs(tmp_path: Path) -> None:
    pattern = quoted('" (\\d+|[$]FOO) # ! @ ~SEQ(a,1,2) { } é')
    conf = (
        "virtual_server 10.1.1.10 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.1.1.11 80 {\n"
        f"  HTTP_GET {{\n   url {{\n    path /\n    regex {pattern}\n   }}\n  }}\n }}\n}}\n"
    )
    assert complaints(conf, tmp_path) == []


def test_what_keepalived_does_not_know_is_complained_of(tmp_path: Path) -> None:
    """The negative control."""
    files = read_cluster(ROOT / "etc/ha.d", SystemNames())
    conf = translate(files, derive(files)).confs["test1.com"].replace("lvs_sched", "scheduler_of")
    assert any("scheduler_of" in line for line in complaints(conf, tmp_path, "eth0", "eth1"))
