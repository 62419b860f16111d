from __future__ import annotations

from pathlib import Path

from migration.comparison.programs import furnish


def test_the_originals_scripts_take_the_place_of_ours_and_leave_the_users(tmp_path: Path) -> None:
    shipped, ha_d = tmp_path / "layer/etc/ha.d", tmp_path / "ha.d"
    for folder in (shipped / "resource.d", shipped / "rc.d", ha_d / "resource.d"):
        folder.mkdir(parents=True)
    (shipped / "harc").write_text("theirs")
    (shipped / "shellfuncs").write_text("theirs")
    (shipped / "rc.d/status").write_text("theirs")
    (shipped / "resource.d/ldirectord").symlink_to("/usr/sbin/ldirectord")
    for own in ("harc", "resource.d/ldirectord", "resource.d/of_the_user"):
        (ha_d / own).write_text("here before")
    furnish(ha_d, tmp_path / "layer")
    assert (ha_d / "resource.d/ldirectord").readlink() == Path("/usr/sbin/ldirectord")
    assert [(ha_d / name).read_text() for name in ("harc", "shellfuncs", "rc.d/status")] == ["theirs"] * 3
    assert (ha_d / "resource.d/of_the_user").read_text() == "here before"
