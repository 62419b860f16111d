"""make install into a folder (PREFIX and DESTDIR); the dependencies are left out, for they are pip's to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


def install(destination: Path) -> None:
    subprocess.run(
        [
            *("make", "install", f"PYTHON={sys.executable}", "PREFIX=/usr", f"DESTDIR={destination}"),
            "PIP_ARGUMENTS=--no-deps",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


def test_everything_goes_where_it_belongs_and_etc_is_never_overwritten(tmp_path):
    mine = tmp_path / "etc/ha.d/resource.d/ldirectord"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    (tmp_path / "etc/default").mkdir()
    (tmp_path / "etc/default/heartbeat").write_text("BINDIR=/mine\n")
    install(tmp_path)
    for program in ("hbeat", "cl_status", "hb_standby", "hb_takeover", "hb_addnode", "ldirectord", "hbeat-migrate"):
        link = tmp_path / "usr/sbin" / program
        assert link.resolve().is_file(), program
        shell = program in ("hb_standby", "hb_takeover")
        assert link.read_text().startswith("#!/bin/sh\n" if shell else "#!/usr/lib/hbeat/bin/python"), program
    for place, program in (("usr/sbin/heartbeat", "hbeat"), ("usr/share/heartbeat/hb_standby", "/usr/sbin/hb_standby")):
        assert (tmp_path / place).readlink() == Path(program)
    assert (tmp_path / "usr/bin/cl_status").readlink() == Path("/usr/sbin/cl_status")
    for script in ("heartbeat", "ldirectord"):
        assert (tmp_path / "etc/init.d" / script).stat().st_mode & 0o777 == 0o755
    assert mine.read_text() == "mine\n"
    assert (tmp_path / "etc/ha.d/harc").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc/default/heartbeat").read_text() == "BINDIR=/mine\n"
    assert not (tmp_path / "etc/ha.d/ha.cf").exists()
    samples = tmp_path / "usr/share/doc/hbeat/ha.d"
    assert {path.name for path in samples.iterdir()} == {
        "ha.cf",
        "haresources",
        "authkeys",
        "hbeat.yaml",
        "ldirectord.cf",
        "ldirector.yaml",
    }
    for page in ("ldirectord.8", "hbeat.8", "ha.cf.5", "haresources.5", "authkeys.5", "cl_status.1"):
        name, _, section = page.rpartition(".")
        assert f".TH {name.upper()} {section}" in (tmp_path / f"usr/share/man/man{section}" / page).read_text()
    assert (samples / "authkeys").stat().st_mode & 0o777 == 0o600
    (guest_init,) = tmp_path.glob("usr/lib/hbeat/lib/python3*/site-packages/migration/guest_init")
    assert guest_init.stat().st_mode & 0o111


def test_uninstalling_leaves_the_administrators_files(tmp_path):
    mine = tmp_path / "etc/default/heartbeat"
    mine.parent.mkdir(parents=True)
    mine.write_text("BINDIR=/usr/sbin\nMINE=yes\n")
    install(tmp_path)
    (tmp_path / "etc/ha.d/ha.cf").write_text("node a b\n")
    (tmp_path / "etc/init.d/ldirectord").write_text("changed\n")
    (tmp_path / "usr/sbin/other").symlink_to("/bin/true")
    subprocess.run(
        ["make", "uninstall", "PREFIX=/usr", f"DESTDIR={tmp_path}"], cwd=ROOT, check=True, capture_output=True
    )
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    scripts = {f"etc/ha.d/{path.relative_to(ROOT / 'etc/ha.d')}" for path in (ROOT / "etc/ha.d/resource.d").iterdir()}
    own = {"etc/default/heartbeat", "etc/ha.d/ha.cf", "etc/init.d/ldirectord", "usr/sbin/other"}
    assert left == own | scripts | {"etc/ha.d/harc"}
